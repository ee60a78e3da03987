"""Readings of real processes on this machine, and the few bytes through which a service tells its queue."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import orjson
import pytest

from crosstide.lab.children import Children
from crosstide.lab.clock import Clock
from crosstide.lab.flight import Flight, FlightReader
from crosstide.lab.readings import METRICS
from crosstide.lab.readings_process import Threads
from crosstide.lab.sampler import Sampler
from models.records import Telemetry, entity_of

STAMP = "2026-01-01T00:00:00.000Z"
T = TypeVar("T")


@contextmanager
def process(code: str = "input()") -> Iterator["subprocess.Popen[bytes]"]:
    started = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def until(answer: Callable[[], T], seconds: float = 30) -> T:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := answer()):
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.05)
    return found


def sampler(folder: Path, **pids: int) -> Sampler:
    cores = sorted(os.sched_getaffinity(0))
    return Sampler({"n1": cores[0], "n2": cores[-1]}, pids, folder)


def values(records: list[dict[str, Any]], entity: str) -> dict[str, float]:
    kind, _, name = entity.partition("/")
    return {r["metric"]: r["value"] for r in records if r.get(kind) == name}


def test_a_reading_has_records_of_the_contract_for_each_node_and_service(tmp_path: Path) -> None:
    flight = Flight(tmp_path / "price.flight")
    flight.enter()
    readings = sampler(tmp_path, price=os.getpid())
    readings.read(STAMP)
    records = readings.read(STAMP)
    decoded = [msgspec.convert(r, Telemetry, strict=False) for r in records]
    assert {entity_of(r) for r in decoded} >= {"node/n1", "node/n2", "service/price"}
    assert len({(entity_of(r), r.metric) for r in decoded}) == len(records)
    found = values(records, "service/price")
    assert found["service.queue_depth"] == 1
    # the kernel's own accounts of waiting may be missing
    assert {m for m in METRICS if m.startswith("service.")} - set(found) <= {
        "service.cpu.wait",
        "service.context_switches",
    }
    # a core's time is counted in ticks of some milliseconds: between two readings none may have passed
    busy = until(lambda: values(readings.read(STAMP), "node/n1").get("node.cpu.utilization"))
    assert busy is not None and 0 < busy <= 1


def test_both_nodes_carry_the_same_reading_of_what_exists_once_per_machine(tmp_path: Path) -> None:
    records = sampler(tmp_path).read(STAMP)
    n1, n2 = values(records, "node/n1"), values(records, "node/n2")
    assert n1 == n2 and {"node.memory.utilization", "node.context_switches", "node.network.sent_bytes"} <= set(n1)


def test_a_silent_entity_gives_no_records_until_it_may_speak_again(tmp_path: Path) -> None:
    readings = sampler(tmp_path, price=os.getpid(), fraud=os.getpid())
    readings.obey({"silent": ["service/price", "node/n1"]})
    records = readings.read(STAMP)
    assert not values(records, "service/price") and not values(records, "node/n1")
    assert values(records, "service/fraud") and values(records, "node/n2")
    readings.obey({"silent": []})
    assert values(readings.read(STAMP), "service/price") and values(readings.read(STAMP), "node/n1")


def test_a_process_that_is_gone_gives_no_reading_and_its_successor_does(tmp_path: Path) -> None:
    with process() as first, process() as second:
        readings = sampler(tmp_path, price=first.pid)
        assert values(readings.read(STAMP), "service/price")
        first.kill()
        # first a zombie, then reaped: neither is an error
        until(lambda: not values(readings.read(STAMP), "service/price"))
        first.wait()
        assert not values(readings.read(STAMP), "service/price")
        readings.obey({"pids": {"price": first.pid}})
        assert not values(readings.read(STAMP), "service/price")
        readings.obey({"pids": {"price": second.pid}})
        assert values(readings.read(STAMP), "service/price")["service.memory.rss_bytes"] > 0


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not account for waiting")
def test_two_processes_on_one_core_wait_for_it(tmp_path: Path) -> None:
    busy = f"import os\nos.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})\nwhile True: pass"
    with process(busy) as one, process(busy) as other:
        readings = sampler(tmp_path, price=one.pid, fraud=other.pid)

        def waits() -> list[float]:
            found = readings.read(STAMP)
            return [values(found, f"service/{name}").get("service.cpu.wait", 0.0) for name in ("price", "fraud")]

        until(lambda: min(waits()) > 0.1)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not account for waiting")
def test_sums_over_threads_hold_all_of_them_and_never_fall_when_one_ends() -> None:
    threads, release = Threads(os.getpid()), threading.Event()
    threads.read()
    before = threads.runs
    waiting = [threading.Thread(target=release.wait) for _ in range(8)]
    for thread in waiting:
        thread.start()
    threads.read()
    with_all = threads.runs
    assert with_all >= before + 8
    release.set()
    for thread in waiting:
        thread.join()
    threads.read()
    assert threads.runs >= with_all


def test_the_average_in_flight_counts_what_is_still_there(tmp_path: Path) -> None:
    flight, reader = Flight(tmp_path / "a.flight"), FlightReader(tmp_path / "a.flight")
    flight.enter()
    flight.enter()
    assert reader.average() is None
    assert reader.average() == pytest.approx(2)
    flight.leave()
    reader.average()
    assert reader.average() == pytest.approx(1)


def test_what_came_and_went_between_two_readings_is_counted(tmp_path: Path) -> None:
    flight, reader = Flight(tmp_path / "a.flight"), FlightReader(tmp_path / "a.flight")
    reader.average()
    flight.enter()
    flight.leave()
    average = reader.average()
    assert average is not None and 0 < average < 1


def test_a_service_that_began_anew_is_read_from_zero(tmp_path: Path) -> None:
    reader = FlightReader(tmp_path / "a.flight")
    assert reader.average() is None
    Flight(tmp_path / "a.flight").enter()
    reader.average()
    again = Flight(tmp_path / "a.flight")
    assert reader.average() is None
    assert reader.average() == 0
    again.enter()
    reader.average()
    assert reader.average() == pytest.approx(1)


def test_many_threads_leave_nothing_in_flight(tmp_path: Path) -> None:
    flight, reader = Flight(tmp_path / "a.flight"), FlightReader(tmp_path / "a.flight")

    def requests() -> None:
        for _ in range(500):
            flight.enter()
            flight.leave()

    threads = [threading.Thread(target=requests) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.average()
    assert reader.average() == 0


def test_the_process_of_the_sampler_writes_each_reading_as_it_comes_and_obeys(tmp_path: Path) -> None:
    path = tmp_path / "sampler.records"
    spec = {"nodes": {"n1": 0}, "services": {"price": os.getpid()}, "folder": str(tmp_path), "records": str(path)}
    with Children(tmp_path) as children:
        child = children.module("sampler", "sampler", spec | {"cores": [], "offset_s": Clock.fixed_now().offset_s})
        child.go(time.monotonic())
        until(lambda: path.exists() and path.read_bytes().count(b"service.memory.rss_bytes") >= 2)
        child.order({"silent": ["service/price"]})
        read = until(lambda: [r for r in _last(path) if "service" not in r and r["metric"] == "node.cpu.utilization"])
        assert read
        child.finish()
    assert path.read_bytes().endswith(b"\n")


def _last(path: Path) -> list[dict[str, Any]]:
    """Answer the newest reading, if it says nothing of a service."""
    records = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    newest = [r for r in records if r["timestamp"] == records[-1]["timestamp"]]
    return [] if any("service" in r for r in newest) else newest
