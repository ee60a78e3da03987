"""The process of the load generator: sends every request at its time, however slow the answers are."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from crosstide.lab.arrivals import Arrival, arrivals
from crosstide.lab.child import announce, hand_over, settings, stop_event, wait_for_go
from crosstide.lab.client import CallError, Client
from crosstide.lab.clock import Clock
from crosstide.lab.cores import run_first
from crosstide.lab.data import request
from crosstide.lab.scoring import failure

#: More requests than this in flight wait here; their latency counts from the time planned all the same.
IN_FLIGHT = 64


class Generator:
    """Sends planned requests; keeps a record only of those without an answer (`failures`)."""

    def __init__(self, ports: dict[str, int], timeouts_s: dict[str, float], clock: Clock) -> None:
        self._clients = {service: Client(port) for service, port in ports.items()}
        self._timeouts_s = timeouts_s
        self._clock = clock
        self.failures: list[dict[str, Any]] = []

    def run(self, planned: list[tuple[Arrival, dict[str, Any]]], begin_s: float, stop: Event) -> None:
        """Send all, each `at_s` after `begin_s` (monotonic clock), until done or told to stop."""
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for arrival, call in planned:
                due = begin_s + arrival.at_s
                if stop.wait(max(0.0, due - time.monotonic())):
                    pool.shutdown(wait=True, cancel_futures=True)
                    return
                pool.submit(self._send, arrival.service, call | {"sent": due})

    def _send(self, service: str, call: dict[str, Any]) -> None:
        timeout_s = self._timeouts_s[service]
        try:
            self._clients[service].post("/predict", call | {"timeout_s": timeout_s}, timeout_s)
        except CallError as error:
            self.failures.append(failure(service, call, str(error), self._clock))


def planned(seconds: float, rates: dict[str, float], seed: int) -> list[tuple[Arrival, dict[str, Any]]]:
    """Make all requests before the first is sent, so that sending costs little."""
    made = []
    for i, arrival in enumerate(arrivals(seconds, rates, seed)):
        name = f"r{i:06d}"
        made.append((arrival, {"request_id": name, "trace_id": f"t{i:06d}"} | request(arrival.service, arrival.draw)))
    return made


def main() -> None:
    """Generate the load of one recording."""
    spec = settings()
    stop = stop_event()
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    calls = planned(spec["seconds"], spec["rates"], spec["seed"])
    generator = Generator(spec["ports"], spec["timeouts_s"], Clock(spec["offset_s"]))
    announce(priority=run_first(), requests=len(calls))
    generator.run(calls, wait_for_go(), stop)
    stop.wait()
    hand_over(Path(spec["failures"]), generator.failures)


if __name__ == "__main__":
    main()
