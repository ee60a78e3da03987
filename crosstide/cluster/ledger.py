"""What the job writes about itself, followed on its topics: accounts of records, and which incidents are open."""

import json
import time
from collections import defaultdict
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from crosstide.kafka_io import RECONNECT_MS
from models.packets import COUNTS


class Ledger:
    """A reader of `state` and `incidents-current`; remembers the newest of each key. Close it after use."""

    def __init__(self, bootstrap: str, prefix: str = "") -> None:
        self._state, self._incidents = f"{prefix}state", f"{prefix}incidents-current"
        self._accounts: dict[tuple[str, int], dict[str, Any]] = {}
        self._status: dict[bytes, str] = {}
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            reconnect_backoff_max_ms=RECONNECT_MS,
            max_poll_records=5000,
            metrics_enabled=False,
        )
        self._parts = [TopicPartition(topic, number) for topic in (self._state, self._incidents)
                       for number in sorted(self._consumer.partitions_for_topic(topic) or ())]  # fmt: skip
        if not self._parts:
            self.close()
            raise LookupError(f"there are no topics {self._state} and {self._incidents}: `crosstide topics --create`")
        self._consumer.assign(self._parts)
        self._consumer.seek_to_beginning(*self._parts)

    def catch_up(self, seconds: float = 5.0) -> "Ledger":
        """Read what is committed by now, for at most so long; returns itself. A broker that is away tells nothing."""
        deadline = time.monotonic() + seconds
        try:
            ends = self._consumer.end_offsets(self._parts, timeout_ms=int(1000 * seconds))
            # to where the topics end now: that a poll brings nothing may only mean that the broker is slow
            while time.monotonic() < deadline and self._behind(ends):
                for part, records in self._consumer.poll(timeout_ms=300).items():
                    for record in records:
                        self._take(part.topic, record.key, record.value)
        except KafkaError:
            return self
        return self

    def _behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any((self._consumer.position(one, timeout_ms=1000) or 0) < end for one, end in ends.items())

    def _take(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        if topic == self._incidents and key is not None:
            self._status[key] = "" if value is None else str(json.loads(value)["data"]["status"])
        elif topic == self._state and value is not None:
            account = json.loads(value)
            self._accounts[account["topic"], account["partition"]] = account

    @property
    def open_incidents(self) -> int:
        """Return how many incidents are open."""
        return sum(1 for status in self._status.values() if status == "open")

    @property
    def accounts(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Return (topic, partition) -> the newest account."""
        return dict(self._accounts)

    def totals(self) -> dict[str, dict[str, int]]:
        """Return topic -> count -> sum over the partitions."""
        sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
        for (topic, _), account in sorted(self._accounts.items()):
            for name in COUNTS:
                sums[topic][name] += account[name]
        return dict(sums)

    def close(self) -> None:
        """Let the broker go."""
        self._consumer.close()
