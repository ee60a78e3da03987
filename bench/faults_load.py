"""What the fault harness feeds: a small company's traffic, made from a seed, the same at every run.

Fifty services on ten nodes answer and report; every few seconds another one is in trouble for eight seconds, so that
whenever a fault strikes some incident is about to open, is open, or is about to resolve. Event time begins in the past
and goes on at the rate of the load; records come out of order within the bound, one in 100 twice, one in 400 late.
"""

import heapq
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from crosstide.kafka_io import FedRecord
from models.intake import HEARTBEAT

SERVICES, NODES = 50, 10
#: Records a second: a third answers, two thirds telemetry.
RATE = 300
OUT_OF_ORDER_MS, LATE_MS, AHEAD_MS = 1_500, 30_000, 2_000
WINDOW_MS, PANE_MS = 2_000, 1_000
#: First trouble, how long each lasts, and how far apart they begin (s).
FIRST_S, TROUBLE_S, EVERY_S = 24, 8, 3
SETTINGS = (
    f"windows.pane={PANE_MS}ms",
    f"windows.size={WINDOW_MS}ms",
    f"windows.out_of_orderness={AHEAD_MS}ms",
    # longer than any fault here keeps a topic silent: see docs/reliability.md, "Idle partitions"
    "windows.idle_timeout=10m",
    "expectation.history=12",
    "expectation.warm_up=6",
    "clearing.after=6s",
    # few detectors: one more can be added at a savepoint
    "detectors.model=[{kind: static}, {kind: ewma}, {kind: cusum}]",
    "detectors.infra=[{kind: ewma}, {kind: cusum}]",
)
#: Topics that the load is on, and those that are only closed.
FED, EMPTY = ("model-outputs", "telemetry"), ("labels", "changes")


@dataclass(frozen=True)
class Timed:
    """A record, its topic, and when it is sent (s from the beginning)."""

    topic: str
    at_s: float
    record: FedRecord


@dataclass(frozen=True)
class Load:
    """`seconds` of load, `rate` records in each, whose event time begins at `start_ms`."""

    start_ms: int
    seconds: int
    rate: int = RATE
    seed: int = 13

    @property
    def end_ms(self) -> int:
        """Return the event time at which it ends."""
        return self.start_ms + 1000 * self.seconds

    def records(self) -> Iterator[Timed]:
        """Yield all records in the order of sending."""
        dice = random.Random(self.seed)
        held: list[tuple[float, int, Timed]] = []
        for number in range(self.seconds * self.rate):
            second = number / self.rate
            made = self._record(number, second, dice)
            delay_s = dice.random() * OUT_OF_ORDER_MS / 1000 if dice.random() < 0.2 else 0.0
            heapq.heappush(held, (second + delay_s, number, made))
            if number % 100 == 42:
                heapq.heappush(held, (second + delay_s + 0.2, -number, made))
            while held and held[0][0] <= second:
                yield _sent(*heapq.heappop(held))
        while held:
            yield _sent(*heapq.heappop(held))

    def _record(self, number: int, second: float, dice: random.Random) -> Timed:
        service, at_ms = number % SERVICES, self.start_ms + int(1000 * second)
        if number % 400 == 399 and second > 2 * LATE_MS / 1000:
            at_ms -= LATE_MS
        troubled = in_trouble(service, second)
        if number // SERVICES % 3 == 0:
            body: dict[str, object] = {
                "service": f"svc-{service:02}",
                "request_id": f"r{number}",
                "latency_ms": round((400.0 if troubled else 20.0) * (1 + 0.1 * dice.random()), 3),
                "confidence": round(0.9 + 0.05 * dice.random(), 4),
                "error": troubled and dice.random() < 0.2,
            }
            return _timed("model-outputs", f"svc-{service:02}", at_ms, second, body)
        node = service % NODES
        busy = any(in_trouble(one, second) for one in range(node, SERVICES, 2 * NODES))
        level = (0.95 if busy else 0.30) + 0.02 * dice.random()
        body = {"node": f"n{node}", "metric": f"cpu.core{service // NODES}", "value": round(level, 5)}
        return _timed("telemetry", f"n{node}", at_ms, second, body)

    def closing(self, partitions: dict[str, int]) -> Iterator[tuple[str, FedRecord]]:
        """Yield what ends the last window in each partition of each topic, twice: the second lets accounts out."""
        for step in (1, 2):
            for topic, count in partitions.items():
                for partition in range(count):
                    at_ms = self.end_ms + WINDOW_MS + AHEAD_MS + OUT_OF_ORDER_MS + step
                    yield topic, FedRecord(None, at_ms, HEARTBEAT, partition)


def in_trouble(service: int, second: float) -> bool:
    """Tell whether a service is in trouble: one after the other, and again after all have been."""
    begins = FIRST_S + EVERY_S * service
    return second >= begins and (second - begins) % (EVERY_S * SERVICES) < TROUBLE_S


def topology() -> str:
    """Return the topology.yaml of the load."""
    lines = [f"  svc-{service:02}: {{on: [node/n{service % NODES}]}}" for service in range(SERVICES)]
    return "\n".join(["services:", *lines, ""])


def _timed(topic: str, key: str, at_ms: int, second: float, body: dict[str, object]) -> Timed:
    value = json.dumps({**body, "timestamp": at_ms}, separators=(",", ":")).encode()
    return Timed(topic, second, FedRecord(key.encode(), at_ms, value))


def _sent(at_s: float, _: int, made: Timed) -> Timed:
    return Timed(made.topic, at_s, made.record)
