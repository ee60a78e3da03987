"""The lab without end: what leaves when, faults on demand over its socket, and a short life of the real thing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psutil
import pytest
import typer
from typer.testing import CliRunner

from crosstide.lab import live_cli, live_control
from crosstide.lab.child import Appender
from crosstide.lab.clock import iso
from crosstide.lab.live_control import AlreadyRunningError, Control, NoLiveLabError, ask
from crosstide.lab.live_desk import HOLD_MS, Desk
from crosstide.lab.live_tail import Tail
from models.records import ModelOutput, Telemetry

T = TypeVar("T")
NOW = 1_700_000_000_000


def until(answer: Callable[[], T], seconds: float = 60) -> T:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := answer()):
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.1)
    return found


def output(name: str, **more: Any) -> dict[str, Any]:
    return {"service": "fraud", "request_id": name, "timestamp": iso(NOW)} | more


def test_a_tail_reads_each_line_once_and_a_half_line_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "some.records"
    tail = Tail(path)
    assert tail.read() == []
    writer = Appender(path)
    writer.write({"a": 1})
    assert tail.read() == [{"a": 1}]
    with path.open("ab") as half:
        half.write(b'{"a":')
        half.flush()
        assert tail.read() == []
        half.write(b"2}\n")
    assert tail.read() == [{"a": 2}]
    tail.close()


def test_a_tail_gives_back_what_it_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "long.records"
    writer, tail = Appender(path), Tail(path)
    for i in range(40):
        writer.write({"i": i, "text": "x" * 100_000})
    assert [record["i"] for record in tail.read()] == list(range(40))
    writer.write({"i": 40})
    assert tail.read() == [{"i": 40}]
    tail.close()


def test_a_call_without_an_answer_leaves_only_when_its_service_says_nothing_in_time() -> None:
    desk, lost, late = Desk(), output("r1", error="Timeout"), output("r2", error="Timeout")
    assert desk.outputs([], [lost, late], NOW) == []
    said = output("r2", error="UpstreamTimeout")
    assert desk.outputs([said], [], NOW + HOLD_MS - 1) == [said]
    assert desk.outputs([], [], NOW + HOLD_MS) == [lost]
    assert desk.outputs([output("r1")], [], NOW + HOLD_MS + 1) == []


def test_a_label_leaves_when_it_becomes_known() -> None:
    desk = Desk()
    later, sooner = output("r1", label="x") | {"timestamp": iso(NOW + 30_000)}, output("r2", label="y")
    assert desk.labels([later, sooner], NOW) == [sooner]
    assert desk.labels([], NOW + 29_999) == []
    assert desk.labels([], NOW + 30_000) == [later]


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def control(runtime: Path) -> Iterator[Control]:
    made = Control()
    yield made
    made.close()


def test_an_order_reaches_the_lab_and_its_answer_comes_back(control: Control) -> None:
    heard: list[Any] = []
    asking = threading.Thread(target=lambda: heard.append(ask({"kind": "cpu_hog"})))
    asking.start()
    order, answer = until(lambda: list(control.orders()))[0]
    answer({"got": order})
    asking.join()
    assert heard == [{"got": {"kind": "cpu_hog"}}]


def test_only_the_user_may_give_orders_and_only_one_lab_listens(control: Control) -> None:
    assert live_control.place().stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyRunningError):
        Control()


def test_the_socket_of_a_lab_that_was_killed_is_replaced(runtime: Path) -> None:
    (runtime / live_control.NAME).touch()
    with pytest.raises(NoLiveLabError):
        ask({})
    made = Control()
    made.close()
    assert not (runtime / live_control.NAME).exists()


def test_a_folder_that_others_may_write_to_is_refused(runtime: Path) -> None:
    runtime.chmod(0o777)
    with pytest.raises(PermissionError, match="only you"):
        live_control.place()


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fault", "cpu_hog"], "no live lab is running here"),
        (["fault", "cpu_hog", "--node", "n1", "--service", "price"], "give one of"),
        (["fault", "cpu_hog", "--for", "45"], "is not a duration"),
        (["live"], "give either --bootstrap or --output"),
        (["live", "--bootstrap", "127.0.0.1:1"], "refused"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], said: str) -> None:
    app = typer.Typer()
    app.command()(live_cli.live)
    app.command()(live_cli.fault)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert said in result.stderr and len(result.stderr.splitlines()) == 1


CODE = "import typer; from crosstide.lab import live_cli as c; a = typer.Typer(); a.command()(c.live); "
CODE += "a.command()(c.fault); a()"


def lab(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def told(*arguments: str) -> tuple[int, str, str]:
    process = lab("fault", *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.usefixtures("runtime")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the lab needs two cores")
def test_a_live_lab_writes_its_records_obeys_faults_and_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "live"
    process = lab("live", "--output", str(out), "--seed", "3")
    try:
        until(lambda: (out / "telemetry.jsonl").exists() and (out / "telemetry.jsonl").read_bytes(), 120)
        children = psutil.Process(process.pid).children(recursive=True)
        assert told("flood")[2].startswith("unknown kind of fault 'flood'")
        assert "cannot strike node/n1" in told("harmless_deploy", "--node", "n1")[2]
        code, said, _ = told("harmless_deploy", "--service", "price", "--for", "5m", "--json")
        assert (code, json.loads(said)["target"]) == (0, "service/price")
        assert "is running already" in told("harmless_deploy", "--service", "price")[2]
        until(lambda: (out / "changes.jsonl").read_bytes())
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    rows = [msgspec.json.decode(line, type=ModelOutput) for line in (out / "model-outputs.jsonl").open("rb")]
    assert {row.service for row in rows} == {"checkout", "fraud", "price", "ranking"}
    assert len({(row.service, row.request_id) for row in rows}) == len(rows)
    assert [msgspec.json.decode(line, type=Telemetry) for line in (out / "telemetry.jsonl").open("rb")]
    truth = [json.loads(line) for line in (out / "truth.jsonl").open()]
    assert [(one["kind"], one["trap"]) for one in truth] == [("harmless_deploy", True)]
