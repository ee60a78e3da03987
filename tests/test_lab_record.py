"""A short recording, really made, and how the lab ends when it is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil
import pytest
from typer.testing import CliRunner

from crosstide.lab import files
from crosstide.lab.cli import app
from crosstide.lab.plan import Spacing
from crosstide.lab.record import Order, Recording, record
from models.records import Change, ModelOutput, Telemetry
from models.times import to_milliseconds

T = TypeVar("T")
pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the lab needs two cores")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recording]:
    spacing = Spacing(fault=11, lead_in=16, quiet=20, tail=2)
    order = Order(0.5, 4, ["bad_model_version"], "crosstide lab record", spacing)
    made = record(order, lambda _at, _doing: None)
    folder = tmp_path_factory.mktemp("recording")
    files.write(folder, made.topics, {"truth.json": made.truth, "recording.json": made.notes}, gzipped=False)
    return folder, made


def lines(folder: Path, topic: str) -> list[bytes]:
    return (folder / f"{topic}.jsonl").read_bytes().splitlines()


def test_every_line_of_a_recording_decodes_and_stands_in_order_of_time(recording: tuple[Path, Recording]) -> None:
    folder, made = recording
    shapes: list[tuple[str, type[ModelOutput | Telemetry | Change]]] = [
        ("model-outputs", ModelOutput),
        ("telemetry", Telemetry),
        ("changes", Change),
    ]
    for topic, shape in shapes:
        stamps = [msgspec.json.decode(line, type=shape).timestamp for line in lines(folder, topic)]
        assert stamps and stamps == sorted(stamps)
        assert made.truth["started_at"] <= str(stamps[0]) and str(stamps[-1]) < made.truth["ended_at"]


def test_every_request_is_recorded_once_and_a_checkout_shares_its_trace_with_fraud(
    recording: tuple[Path, Recording],
) -> None:
    rows = recording[1].topics["model-outputs"]
    names = [(r["service"], r["request_id"]) for r in rows]
    assert len(names) == len(set(names))
    traces = {s: {r["trace_id"] for r in rows if r["service"] == s} for s in ("checkout", "fraud")}
    # those whose two answers stand on both sides of an edge of the recording may miss one
    times = [to_milliseconds(r["timestamp"]) for r in rows]
    torn = {r["trace_id"]: to_milliseconds(r["timestamp"]) for r in rows if r["service"] == "checkout"}
    torn = {trace: at for trace, at in torn.items() if trace not in traces["fraud"]}
    assert all(min(at - min(times), max(times) - at) < 10_000 for at in torn.values())
    assert len(traces["fraud"] - traces["checkout"]) > 50


def test_the_bad_version_serves_between_its_two_changes_and_the_old_one_after(
    recording: tuple[Path, Recording],
) -> None:
    _, made = recording
    fault = made.truth["faults"][0]
    service = fault["target"].removeprefix("service/")
    assert [c["type"] for c in made.topics["changes"]] == ["model_version", "model_version"]
    versions = [(r["timestamp"], r["version"]) for r in made.topics["model-outputs"] if r["service"] == service]
    bad = [at for at, version in versions if version == "2.0.0"]
    assert bad and fault["start"] <= bad[0]
    assert versions[0][1] == versions[-1][1] == "1.0.0"


def test_the_bad_version_really_hurt_and_the_truth_says_when(recording: tuple[Path, Recording]) -> None:
    fault = recording[1].truth["faults"][0]
    effect = fault["effect"]
    falls = effect["measure"] in ("confidence.mean", "accuracy")
    assert (falls and effect["before"] - effect["during"] > 0.1) or effect["during"] > 1.5 * effect["before"]
    assert fault["start"] <= fault["effect_at"] < fault["end"]
    assert datetime.fromisoformat(fault["effect_at"]).utcoffset() is not None


def test_telemetry_has_a_reading_a_second_of_every_metric(recording: tuple[Path, Recording]) -> None:
    rows = recording[1].topics["telemetry"]
    counts: dict[tuple[str, str], int] = {}
    for r in rows:
        assert ("node" in r) != ("service" in r)
        name = (r.get("node") or r["service"], r["metric"])
        counts[name] = counts.get(name, 0) + 1
    assert len({name for name, _ in counts}) == 2 + 5
    assert {metric for name, metric in counts if name == "price"} >= {"service.queue_depth", "service.memory.rss_bytes"}
    assert all(27 <= n <= 31 for n in counts.values())


def test_labels_name_answers_that_were_given(recording: tuple[Path, Recording]) -> None:
    topics = recording[1].topics
    answered = {(r["service"], r["request_id"]) for r in topics["model-outputs"] if "prediction" in r}
    labelled = [(r["service"], r["request_id"]) for r in topics["labels"]]
    assert len(labelled) == len(set(labelled)) > 20
    assert sum(one not in answered for one in labelled) == 0


def test_no_process_of_the_lab_is_left(recording: tuple[Path, Recording]) -> None:
    assert not [p for p in psutil.Process().children(recursive=True) if "crosstide.lab" in " ".join(p.cmdline())]


# with all seven processes at work, and while services still start
@pytest.mark.parametrize(("how", "running"), [(signal.SIGINT, 7), (signal.SIGTERM, 2), (signal.SIGKILL, 7)])
def test_a_recorder_that_is_stopped_or_killed_leaves_no_process_and_no_recording(
    how: signal.Signals, running: int, tmp_path: Path
) -> None:
    code = "from crosstide.lab.cli import app; app()"
    arguments = ["record", "--output", str(tmp_path / "out"), "--minutes", "2", "--seed", "1", "--faults", "none"]
    recorder = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, process_group=0)
    try:
        started = _until(lambda: _of(recorder.pid) if len(_of(recorder.pid)) == running else [], 240)
        recorder.send_signal(how)
        _, said = recorder.communicate(timeout=240)
        assert _until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in started), 60)
    finally:
        recorder.kill()
        recorder.wait()
    assert list((tmp_path / "out").iterdir()) == []
    assert how == signal.SIGKILL or (recorder.returncode == 130 and b"nothing is left running" in said)


def _of(pid: int) -> list[psutil.Process]:
    return [p for p in psutil.Process(pid).children() if "crosstide.lab." in " ".join(p.cmdline())]


def _until(answer: Callable[[], T], seconds: float) -> T:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := answer()):
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.1)
    return found


def test_a_folder_with_a_recording_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{}")
    result = CliRunner().invoke(app, ["record", "--output", str(tmp_path), "--minutes", "1"])
    assert result.exit_code == 2
    assert (tmp_path / "truth.json").read_text() == "{}"


@pytest.mark.parametrize("faults", ["cpu_hog,flood", "cpu_hog,cpu_hog"])
def test_unknown_kinds_and_faults_that_do_not_fit_are_refused_before_anything_starts(
    faults: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["record", "--output", str(tmp_path), "--minutes", "2", "--faults", faults])
    assert result.exit_code == 2


def test_the_list_of_faults_says_which_are_traps() -> None:
    rows = json.loads(CliRunner().invoke(app, ["faults", "--json"]).stdout)
    assert {"busy_node", "harmless_deploy"} < {r["kind"] for r in rows if r["trap"]}
    assert not {"cpu_hog", "memory_leak"} & {r["kind"] for r in rows if r["trap"]}


def test_a_call_known_only_to_its_caller_is_added_once() -> None:
    answered = [{"service": "fraud", "request_id": "r1"}]
    unanswered = [{"service": "fraud", "request_id": "r1"}, {"service": "fraud", "request_id": "r2"}]
    assert files.merge(answered, unanswered) == [answered[0], unanswered[1]]
