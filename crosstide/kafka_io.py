"""Feed a topic and read one back: the two things that everything outside Flink needs of Kafka."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

_LARGEST = 4 * 1024 * 1024
#: For those who read for hours. kafka-python's own is 30 s: a broker that is back would be noticed late.
RECONNECT_MS = 1000


@dataclass(frozen=True, slots=True)
class FedRecord:
    """A record to send. Without a partition the key chooses it, as Java producers do (murmur2)."""

    key: bytes | None
    timestamp_ms: int
    value: bytes
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record as it lies in the topic; `timestamp_ms` is the producer's, milliseconds since 1970."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


def feed(bootstrap: str, topic: str, records: Iterable[FedRecord]) -> int:
    """Send the records, in order within each partition and each exactly once, and return how many.

    Returns when the broker has acknowledged all of them; raises kafka.errors.KafkaError for the first refused one.
    """
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=20,
        batch_size=256 * 1024,
        max_request_size=_LARGEST,
        metrics_enabled=False,
    )
    failures: list[BaseException] = []
    count = 0
    try:
        for record in records:
            sent = producer.send(
                topic, record.value, record.key, partition=record.partition, timestamp_ms=record.timestamp_ms
            )
            sent.add_errback(failures.append)
            count += 1
            if failures:
                break
        producer.flush()
    finally:
        producer.close()
    if failures:
        raise failures[0]
    return count


def read_all(bootstrap: str, topic: str, idle_s: float = 10.0) -> Iterator[ReadRecord]:
    """Yield every committed record from the beginning to where the topic ends now.

    Records come in order within a partition. Raises TimeoutError when nothing comes for `idle_s` seconds before the
    end is reached, which is what an open transaction does to a reader.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_poll_records=5000,
        max_partition_fetch_bytes=2 * _LARGEST,
        metrics_enabled=False,
    )
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            raise LookupError(f"there is no topic {topic}")
        ends: dict[Any, int] = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        yield from _until(consumer, ends, idle_s)
    finally:
        consumer.close()


def _until(consumer: Any, ends: dict[Any, int], idle_s: float) -> Iterator[ReadRecord]:
    """Poll until each partition's position is at its end: a position also passes transaction markers."""
    last_seen = time.monotonic()
    open_partitions = set(ends)
    while open_partitions:
        batches = consumer.poll(timeout_ms=200)
        for partition, records in batches.items():
            last_seen = time.monotonic()
            for r in records:
                if r.offset < ends[partition]:
                    yield ReadRecord(r.partition, r.offset, r.timestamp, r.key, r.value)
        open_partitions = {one for one in open_partitions if consumer.position(one) < ends[one]}
        if open_partitions and time.monotonic() - last_seen > idle_s:
            raise TimeoutError(f"nothing came for {idle_s:.0f} s before the end of {sorted(open_partitions)}")
