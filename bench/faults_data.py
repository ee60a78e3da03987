"""Faults of data: what is mixed into the load. Services that they bring along have names that the load does not use."""

import json
import random
from collections.abc import Iterable, Iterator

from bench.faults_load import FED, Timed
from crosstide.kafka_io import FedRecord
from tests.poison import Poison, poisons

#: Names of services that faults bring along begin so; `stream.` is what is said about a stream itself.
FOREIGN = ("poisoned", "flood-", "huge", "unknown", "stream.")
FLOOD = 100_000
DAY_MS = 86_400_000


def poisoned(records: Iterable[Timed]) -> Iterator[Timed]:
    """Mix in poison of every kind, 1 in 50, in turn; of those of 10 MB only what a topic takes."""
    kinds: dict[str, list[Poison]] = {topic: [] for topic in FED}
    for number, record in enumerate(records, 1):
        yield record
        if number % 50:
            continue
        makers = kinds[record.topic] or list(poisons(record.topic))
        kinds[record.topic] = makers[1:]
        line = makers[0](record.record.timestamp_ms, number)
        if line.fate not in ("blank", "heartbeat") and len(line.value) < 4_000_000:
            bad = FedRecord(b"poisoned", record.record.timestamp_ms, line.value)
            yield Timed(record.topic, record.at_s, bad)


def huge(records: Iterable[Timed]) -> Iterator[Timed]:
    """Mix in one record of 10 MB."""
    for number, record in enumerate(records):
        yield record
        if number == 9_000:
            body = {"service": "huge", "request_id": "h", "trace_id": "x" * 10**7}
            value = json.dumps({**body, "timestamp": record.record.timestamp_ms}).encode()
            yield Timed("model-outputs", record.at_s, FedRecord(b"huge", record.record.timestamp_ms, value))


def far_future(records: Iterable[Timed]) -> Iterator[Timed]:
    """Mix in one record whose time is years ahead; event time must not follow it."""
    for number, record in enumerate(records):
        yield record
        if number == 9_000:
            ahead_ms = record.record.timestamp_ms + 3650 * DAY_MS
            body = {"node": "unknown", "metric": "m", "value": 1, "timestamp": ahead_ms}
            yield Timed("telemetry", record.at_s, FedRecord(b"unknown", ahead_ms, json.dumps(body).encode()))


def one_partition(records: Iterable[Timed]) -> Iterator[Timed]:
    """Send all telemetry to partition 0: the other one stays silent from the beginning."""
    for timed in records:
        if timed.topic == "telemetry":
            was = timed.record
            yield Timed(timed.topic, timed.at_s, FedRecord(was.key, was.timestamp_ms, was.value, 0))
        else:
            yield timed


def flooded(records: Iterable[Timed]) -> Iterator[Timed]:
    """Mix in 100,000 new service names, from the middle of the load on, 5,000 a second."""
    dice, number = random.Random(100), 0
    for timed in records:
        yield timed
        if timed.at_s < 36 or number >= FLOOD:
            continue
        for _ in range(17):
            name = f"flood-{number:06}"
            body = {"service": name, "request_id": "f", "latency_ms": 20 + dice.random()}
            value = json.dumps({**body, "timestamp": timed.record.timestamp_ms}).encode()
            yield Timed("model-outputs", timed.at_s, FedRecord(name.encode(), timed.record.timestamp_ms, value))
            number += 1
