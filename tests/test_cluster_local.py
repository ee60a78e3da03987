"""The local cluster, for real: Kafka in, a Python function in Flink's own worker processes, Kafka out."""

import json
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from crosstide.cluster import jars, local, processes
from crosstide.cluster.broker import Broker
from crosstide.cluster.cli import app
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.state import read_state
from crosstide.cluster.submit import Submission
from crosstide.cluster.topics import Topic, create_topics
from crosstide.cluster.wheel import site_packages
from crosstide.kafka_io import FedRecord, ReadRecord, feed, read_all

ENTRY = Path(__file__).parent / "jobs_for_tests" / "stamp.py"
OLD, AHEAD = 1_200_000_000_000, 3_900_000_000_000
cluster = pytest.mark.cluster


def make_topics(broker: Broker) -> tuple[str, str]:
    source, sink = f"in-{uuid.uuid4().hex}", f"out-{uuid.uuid4().hex}"
    create_topics(broker.bootstrap, (Topic(source), Topic(sink)))
    return source, sink


def submit(flink: FlinkCluster, broker: Broker, python: Path, source: str, sink: str, cwd: Path) -> str:
    return flink.submit(Submission(ENTRY, [broker.bootstrap, source, sink], python), cwd)


def submit_on(
    flink: FlinkCluster, broker: Broker, python: Path, fed: list[FedRecord], cwd: Path
) -> tuple[str, str, str]:
    """Submit the job on records of a topic of its own; answer its id, that topic, and the one that it writes."""
    source, sink = make_topics(broker)
    feed(broker.bootstrap, source, fed)
    return submit(flink, broker, python, source, sink, cwd), source, sink


def one(value: bytes) -> list[FedRecord]:
    return [FedRecord(b"k", OLD, value, 0)]


def records(count: int) -> list[FedRecord]:
    return [FedRecord(f"service-{i % 5}".encode(), OLD + 1000 * i, f"v{i}".encode(), i % 2) for i in range(count)]


@cluster
def test_a_topic_gives_back_what_was_fed_in_order_with_times_of_years_ago_and_ahead(broker: Broker) -> None:
    topic, _ = make_topics(broker)
    fed = [*records(500), FedRecord(None, AHEAD, b"far ahead", 1)]
    assert feed(broker.bootstrap, topic, fed) == 501
    back = list(read_all(broker.bootstrap, topic))
    for number in (0, 1):
        wanted = [(r.timestamp_ms, r.key, r.value) for r in fed if r.partition == number]
        assert [(r.timestamp_ms, r.key, r.value) for r in back if r.partition == number] == wanted


@cluster
def test_a_job_from_the_wheel_keeps_key_time_and_position_through_kafka_and_python_workers(
    broker: Broker, flink_cluster: FlinkCluster, wheel_python: Path, tmp_path: Path
) -> None:
    job, source, sink = submit_on(flink_cluster, broker, wheel_python, records(2000), tmp_path)
    flink_cluster.rest.wait_finished(job, 120)
    before = {(r.partition, r.offset): r for r in read_all(broker.bootstrap, source)}
    after = list(read_all(broker.bootstrap, sink))
    seen: dict[tuple[int, int], tuple[ReadRecord, dict[str, Any]]] = {}
    for r in after:
        body = json.loads(r.value or b"")
        seen[body["at"][0], body["at"][1]] = (r, body)
    assert len(after) == len(seen) == 2000
    for position, (record, body) in seen.items():
        original = before[position]
        assert (record.key, record.timestamp_ms) == (original.key, original.timestamp_ms)
        assert body["value"].encode() == original.value
        assert Path(body["models"]).parent.parent == site_packages(wheel_python)
        assert Path(body["python"]) == wheel_python


@cluster
def test_an_entry_that_raises_is_told_in_its_own_words(
    broker: Broker, flink_cluster: FlinkCluster, wheel_python: Path, tmp_path: Path
) -> None:
    with pytest.raises(ClusterError, match="ValueError: no source was named"):
        submit(flink_cluster, broker, wheel_python, "none", "none", tmp_path)


@cluster
def test_a_function_that_raises_ends_the_waiting_with_its_own_words(
    broker: Broker, flink_cluster: FlinkCluster, wheel_python: Path, tmp_path: Path
) -> None:
    job, _, _ = submit_on(flink_cluster, broker, wheel_python, one(b"poison"), tmp_path)
    with pytest.raises(ClusterError, match="ValueError: a poisoned value"):
        flink_cluster.rest.wait_finished(job, 120, max_failures=0)
    assert flink_cluster.rest.state(job) in ("CANCELED", "FAILED")


@cluster
def test_up_starts_all_of_it_on_the_loopback_and_down_leaves_nothing(tmp_path: Path) -> None:
    runner, folder = CliRunner(), ["--run-dir", str(tmp_path)]
    try:
        started = runner.invoke(app, ["up", *folder])
        assert started.exit_code == 0, started.output
        state = read_state(tmp_path)
        assert state is not None
        for process in state.parts:
            connections = psutil.Process(process.pid).net_connections()
            listening = [c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN]
            assert listening
            assert all(ip.removeprefix("::ffff:") == "127.0.0.1" for ip in listening)
        assert runner.invoke(app, ["status", *folder]).exit_code == 0
        assert read_state(tmp_path) == local.up(tmp_path, 2, print)
    finally:
        stopped = runner.invoke(app, ["down", *folder])
    assert stopped.exit_code == 0, stopped.output
    assert not any(state.alive().values())
    assert processes.left_behind(tmp_path) == []
    assert "nothing was running" in runner.invoke(app, ["down", *folder]).output
    assert runner.invoke(app, ["status", *folder]).exit_code == 1


def test_without_maven_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTIDE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(ClusterError, match=r"^Maven is missing: install maven, or put the connector jars? at .+$"):
        jars.connector_jar()


def test_a_connector_that_is_not_the_known_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTIDE_CACHE", str(tmp_path))
    place = tmp_path / "jars" / "connector" / jars.CONNECTOR
    place.parent.mkdir(parents=True)
    shutil.copy(__file__, place)
    with pytest.raises(ClusterError, match="is not the expected file"):
        jars.connector_jar()
