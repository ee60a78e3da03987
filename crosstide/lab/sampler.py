"""The process of the sampler: reads nodes and services once a second.

Memory, context switches, disk, network and stalls are counted by the kernel for the whole machine: both nodes carry
the same reading of those, for both stand on the same machine; `node.cpu.utilization` and `node.cpu.wait` are the
core's own. Each reading is one write, so that whoever follows the file sees it as it comes.
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crosstide.lab.child import Appender, announce, orders, settings, stop_event, wait_for_go
from crosstide.lab.clock import Clock, iso
from crosstide.lab.cores import run_first
from crosstide.lab.flight import FlightReader
from crosstide.lab.readings import records
from crosstide.lab.readings_gpu import gpus
from crosstide.lab.readings_node import CoreReader, MachineReader
from crosstide.lab.readings_process import ProcessReader

EVERY_S = 1.0


class Sampler:
    """Reads `nodes` (name: core) and `services` (name: process id); rates are since the last reading."""

    def __init__(self, nodes: Mapping[str, int], services: Mapping[str, int], folder: Path) -> None:
        self._lock = threading.Lock()
        self._folder = folder
        self._silent: frozenset[str] = frozenset()
        self._machine = MachineReader()
        self._cores = {name: CoreReader(core) for name, core in nodes.items()}
        self._services = {name: self._process(name, pid) for name, pid in services.items()}
        self._gpus = gpus(min(nodes))
        self._at_s = time.monotonic()

    def obey(self, order: dict[str, Any]) -> None:
        """Obey the lab: new `pids` of services that were restarted, or the set of entities that are `silent`."""
        with self._lock:
            for name, pid in order.get("pids", {}).items():
                self._services[name] = self._process(name, pid)
            self._silent = frozenset(order.get("silent", self._silent))

    def read(self, stamp: str) -> list[dict[str, Any]]:
        """Take one reading: records of topic `telemetry`. The silent are read too, and not told of."""
        with self._lock:
            now = time.monotonic()
            passed_s, self._at_s = max(now - self._at_s, 1e-9), now
            shared = self._machine.read(passed_s)
            found = [("node", name, core.read(passed_s) | shared) for name, core in self._cores.items()]
            found += [("service", name, process.read(passed_s)) for name, process in self._services.items()]
            found += [("gpu", gpu.name, gpu.read()) for gpu in self._gpus]
            heard = [one for one in found if f"{one[0]}/{one[1]}" not in self._silent]
        return [record for kind, name, values in heard for record in records(stamp, {kind: name}, values)]

    def _process(self, name: str, pid: int) -> ProcessReader:
        return ProcessReader(pid, FlightReader(self._folder / f"{name}.flight"))


def main() -> None:
    """Sample until told to end."""
    spec = settings()
    stop = stop_event()
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    clock, sink = Clock(spec["offset_s"]), Appender(Path(spec["records"]))
    announce(priority=run_first())
    due = wait_for_go()
    sampler = Sampler(spec["nodes"], spec["services"], Path(spec["folder"]))
    orders(sampler.obey)
    while not stop.wait(max(0.0, due - time.monotonic())):
        sink.write_all(sampler.read(iso(clock.now())))
        due += EVERY_S


if __name__ == "__main__":
    main()
