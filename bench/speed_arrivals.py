"""What arrives on topics, and when: a reader of committed records in a thread of its own; the feeders' logs."""

import json
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer

from bench.speed_site import partitions_of

READY_S, READ_S = 30.0, 180.0


@dataclass
class Arrivals:
    """Follows topics as a reader of committed records does: (topic, body, time received in ns)."""

    bootstrap: str
    topics: Sequence[str]
    seen: list[tuple[str, Any, int]] = field(default_factory=list)
    #: what the accounts said last, by topic and partition
    accounts: dict[tuple[str, int], Any] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def following(self) -> Iterator["Arrivals"]:
        """Follow until the block ends. Raises TimeoutError where the broker does not answer."""
        ready = threading.Event()
        thread = threading.Thread(target=self._follow, args=(ready,), daemon=True)
        thread.start()
        if not ready.wait(READY_S):
            raise TimeoutError(f"no reader of {', '.join(self.topics)} within {READY_S:.0f} s")
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _follow(self, ready: threading.Event) -> None:
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level="read_committed", enable_auto_commit=False,
            fetch_max_wait_ms=20, fetch_min_bytes=1, max_poll_records=5000, metrics_enabled=False,
        )  # fmt: skip
        partitions = partitions_of(consumer, self.topics)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ready.set()
        while not self._ended.is_set():
            for records in consumer.poll(timeout_ms=50).values():
                now_ns = time.time_ns()
                for record in records:
                    self._note(record.topic, json.loads(record.value or b"null"), now_ns)
        consumer.close()

    def _note(self, topic: str, body: Any, now_ns: int) -> None:
        if isinstance(body, dict) and "consumed" in body:
            # sums only grow; a repeated one after a failure is no news
            key = body["topic"], body["partition"]
            if body["consumed"] >= self.accounts.get(key, body)["consumed"]:
                self.accounts[key] = body
        else:
            self.seen.append((topic, body, now_ns))

    def total(self, topic: str, name: str = "consumed") -> int:
        """Sum one count of the newest accounts of a topic."""
        return sum(int(body[name]) for (of, _), body in list(self.accounts.items()) if of == topic)

    def until_read(self, topic: str, messages: int, deadline_s: float = READ_S) -> None:
        """Wait until the accounts say that the job has read so many messages. Raises TimeoutError."""
        deadline = time.monotonic() + deadline_s
        while self.total(topic) < messages:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.total(topic)} of {messages} messages of {topic} read in time")
            time.sleep(0.2)


def sent_ns(log: Path) -> tuple[list[int], list[int]]:
    """Read a feeder's log: event times (ms) and when each message was sent (ns), in order."""
    pairs = array("q")
    pairs.frombytes(log.read_bytes())
    return list(pairs[::2]), list(pairs[1::2])
