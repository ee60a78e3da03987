"""The same job on a real cluster, from the wheel, with Kafka in between: its incidents equal those of the file run."""

from pathlib import Path

import pytest

from crosstide.cluster.broker import Broker
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.replay import Replay, replay
from crosstide.cluster.replay_command import comparable, read_lines
from jobs.settings import load_pipeline
from tests.small_recording import recording

NOW_MS = 4_000_000_000_000
FAULTY = recording() / "faulty"


@pytest.mark.cluster
def test_incidents_on_the_topic_equal_those_of_the_file_run_and_every_record_is_accounted_for(
    broker: Broker, flink_cluster: FlinkCluster, wheel_python: Path, demo_run: Path, tmp_path: Path
) -> None:
    overrides = ["outputs.score_floor=0"]
    windows = load_pipeline(None, overrides, beside=FAULTY).windows
    what = Replay(FAULTY, windows, NOW_MS, demo_run / "artifacts", overrides, prefix="equal-")
    done = replay(what, broker, flink_cluster, wheel_python, tmp_path, print)
    assert comparable(done.incidents) == comparable(read_lines(demo_run / "incidents.jsonl"))
    assert done.incidents
    heartbeats = {"model-outputs": 2, "telemetry": 2, "changes": 1}
    for topic, fed in done.fed.items():
        accounts = [account for (name, _), account in done.accounts.items() if name == f"{topic}"]
        assert sum(account["consumed"] for account in accounts) == fed - heartbeats[topic]
        for account in accounts:
            assert account["consumed"] == account["scored"]
            assert account["late"] == account["duplicate"] == account["dead_lettered"] == 0
