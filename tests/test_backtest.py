"""The backtest: the same whatever the order of arrival and the clock, and the same as the job's."""

import json
import random
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec
import pytest
from pyflink.common import Row

from crosstide.backtest import Backtest, backtest
from crosstide.backtest_read import batches
from jobs.artifacts import load
from jobs.feed import UnreadableError, input_files
from jobs.graph import Plan, settings_of
from jobs.settings import load_pipeline
from jobs.stages import STREAM_OF
from models.artifact import Artifacts
from models.bucket_clock import FINAL
from models.route import Routes
from models.times import to_milliseconds
from tests.harness import Harness
from tests.minicluster_cases import cut, write_input
from tests.poison import Line
from tests.small_recording import recording
from udfs.correlate import Correlate
from udfs.explode import exploded
from udfs.score import ScoreWindows

NOW = 1_900_000_000_000
TOPICS = ("model-outputs", "telemetry", "changes")


def replay(folder: Path, now_ms: int = NOW) -> Backtest:
    return backtest(load_pipeline(beside=folder), Artifacts.empty(), folder, now_ms)


def written(done: Backtest) -> tuple[list[bytes], list[bytes]]:
    return [msgspec.json.encode(event) for event in done.incidents], [msgspec.json.encode(s) for s in done.scores]


def shuffled(lines: list[Line], within_ms: int) -> list[Line]:
    """Disorder lines, none more than `within_ms` behind a later one."""
    rng = random.Random(7)
    groups = [list(same) for _, same in groupby(lines, key=lambda line: (line.time or 0) // within_ms)]
    return [line for group in groups for line in rng.sample(group, len(group))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_input(tmp_path_factory.mktemp("backtest") / "in", {topic: cut(topic) for topic in TOPICS})


@pytest.fixture(scope="module")
def done(folder: Path) -> Backtest:
    return replay(folder)


def test_a_backtest_finds_the_fault_that_comes_after_the_warm_up(done: Backtest) -> None:
    opened = [event.data for event in done.incidents if ".opened." in event.type]
    assert "fraud" in {data.entity["service.name"] for data in opened}


def test_everything_stands_in_event_time_order(done: Backtest) -> None:
    assert [event.time for event in done.incidents] == sorted(event.time for event in done.incidents)
    assert [s.window.end for s in done.scores] == sorted(s.window.end for s in done.scores)
    ends = [end for end, _ in done.frames]
    assert ends == sorted(ends)
    assert {s.stream for s in done.scores} == {"model", "infra"}


def test_no_clock_is_in_a_backtest(folder: Path, done: Backtest) -> None:
    again = replay(folder, NOW + 86_400_000)
    assert written(again) == written(done)
    assert all(to_milliseconds(event.recordedtime) <= to_milliseconds(event.time) + 10_000 for event in done.incidents)


def test_records_out_of_order_give_the_same_incidents(tmp_path: Path, done: Backtest) -> None:
    disordered = {topic: shuffled(cut(topic), 4_000) for topic in TOPICS}
    assert written(replay(write_input(tmp_path / "in", disordered))) == written(done)


def test_progress_tells_how_many_records_of_each_topic_were_read(folder: Path) -> None:
    heard: dict[str, int] = {}
    backtest(load_pipeline(beside=folder), Artifacts.empty(), folder, NOW, heard.__setitem__)
    assert heard == {topic: len(cut(topic)) for topic in TOPICS}


def test_a_record_ahead_of_the_clock_is_set_aside_as_in_the_job(folder: Path) -> None:
    first = min(line.time or 0 for line in cut("model-outputs"))
    early = replay(folder, first - 3_600_000)
    assert (early.frames, early.incidents) == ([], [])


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "telemetry.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(UnreadableError, match=r"telemetry\.jsonl\.gz"):
        replay(tmp_path)


def bare(lines: Iterable[bytes]) -> list[dict[str, object]]:
    return [{k: v for k, v in json.loads(line).items() if k != "recordedtime"} for line in lines]


def operated(folder: Path) -> tuple[list[Row], list[Row]]:
    """Take the same messages through the operators themselves, their watermarks in small steps: incidents, scores."""
    pipeline, artifacts = load_pipeline(beside=folder), Artifacts.empty()
    correlate = Harness(Correlate(settings_of(Plan(pipeline, artifacts, (), replay=True))))
    routes, scores = Routes(pipeline.topology), list[Row]()
    for topic, path in input_files(folder).items():
        score = Harness(ScoreWindows(STREAM_OF[topic], pipeline, artifacts)) if topic in STREAM_OF else None
        for packets, reached in [*batches(path, topic, pipeline, NOW, size=200), ([], FINAL + 1)]:
            rows = list(exploded(packets, routes))
            if score is not None:
                for row in rows:
                    if row[0] == "pane":
                        score.process(row)
                rows += score.advance_watermark(reached - 1)
            scores += [row for row in rows if row[0].endswith("-scores")]
            for row in rows:
                if row[0] in ("evidence", "change-note"):
                    correlate.process(row)
    correlate.advance_watermark(FINAL)
    return [row for row in correlate.outputs if row[0] == "incidents"], scores


def test_incidents_and_scores_are_those_of_the_operators(folder: Path, done: Backtest) -> None:
    incidents, scores = operated(folder)
    assert sorted(row[3] for row in scores) == sorted(written(done)[1])
    by_time = sorted(bare(row[3] for row in incidents), key=lambda e: (e["time"], e["subject"], e["sequence"]))
    assert by_time == bare(written(done)[0])


def test_windows_in_which_nothing_came_are_judged_too_as_the_operators_do(tmp_path: Path) -> None:
    outputs = cut("model-outputs")
    half = (outputs[0].time or 0) + (240_000 // 2)
    quiet = [line for line in outputs if b'"service":"fraud"' not in line.value or (line.time or 0) < half]
    folder = write_input(tmp_path / "in", {"model-outputs": quiet})
    silent = replay(folder)
    empty = [s for s in silent.scores if s.service == "fraud" and s.n == 0 and s.detector == "fused"]
    assert len(empty) >= 10
    assert sorted(row[3] for row in operated(folder)[1]) == sorted(written(silent)[1])


@pytest.mark.minicluster
def test_incidents_and_scores_are_those_of_the_job_on_the_shipped_recording(demo_run: Path) -> None:
    faulty = recording() / "faulty"
    pipeline = load_pipeline(None, ["outputs.score_floor=0"], beside=faulty)
    done = backtest(pipeline, load(demo_run / "artifacts"), faulty, NOW)
    incidents, scores = written(done)
    assert bare(incidents) == bare((demo_run / "incidents.jsonl").read_bytes().splitlines())
    job = [(demo_run / f"{stream}-scores.jsonl").read_bytes().splitlines() for stream in ("model", "infra")]
    assert sorted(scores) == sorted(job[0] + job[1])
