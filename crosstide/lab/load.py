"""The process of the load generator: sends every request at its time, however slow the answers are."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from crosstide.lab.arrivals import Arrival, Arrivals
from crosstide.lab.child import Appender, announce, orders, settings, stop_event, wait_for_go
from crosstide.lab.client import CallError, Client
from crosstide.lab.clock import Clock
from crosstide.lab.cores import run_first
from crosstide.lab.data import held_partner, table
from crosstide.lab.population import Population, population
from crosstide.lab.scoring import failure

#: More requests than this in flight to one service wait here; their latency counts from the time planned all the same.
IN_FLIGHT = 64


class Generator:
    """Sends requests as they fall due, and keeps a record only of those without an answer (`failures`)."""

    def __init__(
        self, arrivals: Arrivals, ports: Mapping[str, int], timeouts_s: Mapping[str, float], clock: Clock, to: Appender
    ) -> None:
        self._arrivals = arrivals
        self._clients = {service: Client(port) for service, port in ports.items()}
        self._pools = {service: ThreadPoolExecutor(IN_FLIGHT) for service in ports}
        self._populations = {service: _population(service, None) for service in ports}
        self._timeouts_s = timeouts_s
        self._clock = clock
        self._failures = to

    def obey(self, order: dict[str, Any], now_s: float) -> None:
        """Obey the lab, `now_s` seconds after the begin.

        `factor` of the load by service, reached after `over_s`; `inputs`: who asks, by service (see `population`).
        """
        self._arrivals.order(order.get("factor", {}), now_s, order.get("over_s", 0.0))
        for service, spec in order.get("inputs", {}).items():
            self._populations[service] = _population(service, spec)

    def run(self, begin_s: float, seconds: float | None, stop: Event) -> None:
        """Send each request at its time after `begin_s` (monotonic clock), until done (None: never) or told to stop."""
        for number, arrival in enumerate(self._arrivals):
            if seconds is not None and arrival.at_s >= seconds:
                stop.wait()
                break
            call = request(number, arrival, self._populations)
            due = begin_s + arrival.at_s
            if stop.wait(max(0.0, due - time.monotonic())):
                break
            self._pools[arrival.service].submit(self._send, arrival.service, call | {"sent": due})
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _send(self, service: str, call: dict[str, Any]) -> None:
        timeout_s = self._timeouts_s[service]
        left_s = call["sent"] + timeout_s - time.monotonic()
        try:
            if left_s <= 0:
                raise CallError("Timeout")  # gave up while it waited for a free connection
            self._clients[service].post("/predict", call | {"timeout_s": timeout_s}, left_s)
        except CallError as error:
            self._failures.write(failure(service, call, str(error), self._clock))


def request(number: int, arrival: Arrival, populations: Mapping[str, Population]) -> dict[str, Any]:
    """Make the contents of a request: everything but when it is sent."""
    rng, who = np.random.default_rng(arrival.draw), populations[arrival.service]
    call: dict[str, Any] = {"request_id": f"r{number:06d}", "trace_id": f"t{number:06d}"}
    call |= {"row": who.row(rng), "draw": int(rng.integers(2**31))}
    if who.shift is not None:
        call["shift"] = who.shift
    if arrival.service == "checkout":
        partner = held_partner(str(table("checkout").held_labels[call["row"]]), rng)
        call |= {"fraud_row": partner, "fraud_draw": int(rng.integers(2**31))}
        if (fraud := populations["fraud"]).shift is not None:
            call["fraud_shift"] = fraud.shift
    return call


def _population(service: str, spec: Mapping[str, Any] | None) -> Population:
    return population(table(service).held, table(service).held_labels, spec)


def main() -> None:
    """Generate the load of one recording, or without end."""
    spec = settings()
    stop = stop_event()
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    ports = {service: spec["ports"][service] for service in spec["rates"]}
    arrivals = Arrivals(spec["rates"], spec["seed"])
    failures = Appender(Path(spec["failures"]))
    generator = Generator(arrivals, ports, spec["timeouts_s"], Clock(spec["offset_s"]), failures)
    announce(priority=run_first())
    begin_s = wait_for_go()
    orders(lambda order: generator.obey(order, time.monotonic() - begin_s))
    generator.run(begin_s, spec["seconds"], stop)


if __name__ == "__main__":
    main()
