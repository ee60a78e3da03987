"""Feeds a load at its own pace from a thread, whatever becomes of the broker meanwhile, and counts what it fed."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from bench.faults_load import EMPTY, FED, Load, Timed
from crosstide.kafka_io import FedRecord

#: A broker that is away for minutes is waited for: a feeder that gives up would be a fault of its own.
PATIENCE_MS = 900_000
LARGEST = 12 * 1024 * 1024
#: kafka-python's own is half a minute: its pause would be measured, not that of the job.
BACKOFF_MS = 500
Spoil = Callable[[Iterable[Timed]], Iterator[Timed]]


class Feeder(threading.Thread):
    """Feeds in its own thread. `pace` 0 feeds as fast as it goes. `spoil` may add records to the load."""

    def __init__(self, bootstrap: str, prefix: str, load: Load, pace: float = 1.0, spoil: Spoil | None = None) -> None:
        super().__init__(daemon=True, name="feeder")
        self._prefix, self._load, self._pace, self._spoil = prefix, load, pace, spoil
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=20,
            delivery_timeout_ms=PATIENCE_MS,
            max_block_ms=PATIENCE_MS,
            reconnect_backoff_max_ms=BACKOFF_MS,
            max_request_size=LARGEST,
            metrics_enabled=False,
        )
        self.counts: Counter[tuple[str, int]] = Counter()
        self.failures: list[BaseException] = []
        self.reached_s = 0.0

    def run(self) -> None:
        """Feed everything, and close every partition."""
        try:
            self._feed()
        except BaseException as error:  # told by whoever waits for the thread
            self.failures.append(error)
        finally:
            self._producer.close()

    def _feed(self) -> None:
        began = time.monotonic()
        records = self._load.records()
        for timed in records if self._spoil is None else self._spoil(records):
            self.reached_s = timed.at_s
            if self._pace and (ahead_s := timed.at_s / self._pace - (time.monotonic() - began)) > 0.02:
                time.sleep(ahead_s)
            self._send(timed.topic, timed.record)
        self._producer.flush()
        for topic, record in self._load.closing(self._partitions((*FED, *EMPTY))):
            self._send(topic, record, counted=False)
        self._producer.flush()

    def _partitions(self, topics: Sequence[str]) -> dict[str, int]:
        return {topic: len(self._producer.partitions_for(self._prefix + topic)) for topic in topics}

    def _send(self, topic: str, record: FedRecord, counted: bool = True) -> None:
        sent = self._producer.send(
            self._prefix + topic,
            record.value,
            record.key,
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )
        sent.add_errback(self.failures.append)
        if counted:
            sent.add_callback(lambda done: self.counts.update([(topic, int(done.partition))]))

    def finished(self, deadline_s: float) -> None:
        """Wait for the end. Raises what the feeding failed with, or TimeoutError."""
        self.join(deadline_s)
        if self.failures:
            raise self.failures[0]
        if self.is_alive():
            raise TimeoutError(f"the feeder did not end within {deadline_s:.0f} s")


def allow_large(bootstrap: str, topic: str) -> None:
    """Let a topic take records of up to 12 MB."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        configs: dict[str, Any] = {"max.message.bytes": str(LARGEST)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])
    finally:
        admin.close()
