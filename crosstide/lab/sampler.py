"""The process of the sampler: reads nodes and services once a second with psutil.

Each node has its own core's utilization. Memory, context switches, disk and network are counted by the kernel for the
whole machine: both nodes carry the same reading of those, for both stand on the same machine.
"""

import os
import time
from pathlib import Path
from typing import Any

import psutil

from crosstide.lab.child import announce, hand_over, settings, short, stop_event, wait_for_go
from crosstide.lab.clock import Clock, iso
from crosstide.lab.cores import run_first

EVERY_S = 1.0
#: metric -> (unit in UCUM, kind); a gauge says no kind
METRICS = {
    "node.cpu.utilization": ("1", None),
    "node.memory.utilization": ("1", None),
    "node.context_switches": ("{switch}", "counter"),
    "node.disk.write_bytes": ("By", "counter"),
    "node.network.sent_bytes": ("By", "counter"),
    "service.cpu.utilization": ("1", None),
    "service.memory.rss_bytes": ("By", None),
    "service.threads": ("{thread}", None),
    "service.open_files": ("{file}", None),
}


class Sampler:
    """Reads `nodes` (name: core) and `services` (name: process id); utilizations are since the last reading."""

    def __init__(self, nodes: dict[str, int], services: dict[str, int]) -> None:
        self._nodes = nodes
        self._services = {name: psutil.Process(pid) for name, pid in services.items()}
        self._cores = {name: self._core(psutil.cpu_times(percpu=True), core) for name, core in nodes.items()}
        self._cpu_s = {name: self._used(process) for name, process in self._services.items()}
        self._at_s = time.monotonic()

    def read(self, stamp: str) -> list[dict[str, Any]]:
        """Take one reading: records of topic `telemetry`."""
        at_s, times, shared = time.monotonic(), psutil.cpu_times(percpu=True), self._shared()
        records = []
        for node, core in self._nodes.items():
            now, then = self._core(times, core), self._cores[node]
            self._cores[node] = now
            busy = (now[0] - then[0]) / max(now[1] - then[1], 1e-9)
            records += _records(stamp, {"node": node}, {"node.cpu.utilization": short(busy)} | shared)
        for service, process in self._services.items():
            records += _records(stamp, {"service": service}, self._of(service, process, at_s - self._at_s))
        self._at_s = at_s
        return records

    def _of(self, service: str, process: psutil.Process, passed_s: float) -> dict[str, float]:
        with process.oneshot():
            used = self._used(process)
            share = (used - self._cpu_s[service]) / passed_s
            self._cpu_s[service] = used
            return {
                "service.cpu.utilization": short(share),
                "service.memory.rss_bytes": process.memory_info().rss,
                "service.threads": process.num_threads(),
                "service.open_files": process.num_fds(),
            }

    @staticmethod
    def _core(times: Any, core: int) -> tuple[float, float]:
        """Seconds a core was busy, and seconds in all; guest time is already part of user time."""
        t = times[core]
        whole = t.user + t.nice + t.system + t.idle + t.iowait + t.irq + t.softirq + t.steal
        return whole - t.idle - t.iowait, whole

    @staticmethod
    def _used(process: psutil.Process) -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    @staticmethod
    def _shared() -> dict[str, float]:
        disk = psutil.disk_io_counters()
        return {
            "node.memory.utilization": short(psutil.virtual_memory().percent / 100),
            "node.context_switches": psutil.cpu_stats().ctx_switches,
            "node.disk.write_bytes": disk.write_bytes if disk is not None else 0,
            "node.network.sent_bytes": psutil.net_io_counters().bytes_sent,
        }


def _records(stamp: str, entity: dict[str, str], values: dict[str, float]) -> list[dict[str, Any]]:
    records = []
    for metric, value in values.items():
        unit, kind = METRICS[metric]
        named = {"timestamp": stamp, **entity, "metric": metric, "value": value, "unit": unit}
        records.append(named if kind is None else named | {"kind": kind})
    return records


def main() -> None:
    """Sample until told to hand over."""
    spec = settings()
    stop = stop_event()
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    clock = Clock(spec["offset_s"])
    announce(priority=run_first())
    due, records = wait_for_go(), []
    sampler = Sampler(spec["nodes"], spec["services"])
    while not stop.wait(max(0.0, due - time.monotonic())):
        records += sampler.read(iso(clock.now()))
        due += EVERY_S
    hand_over(Path(spec["records"]), records)


if __name__ == "__main__":
    main()
