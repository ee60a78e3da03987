"""Watches a topic as a consumer of committed records would, and knows when nothing came for long."""

import threading
import time
from itertools import pairwise

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from bench.faults_feed import BACKOFF_MS


class OutputWatch(threading.Thread):
    """Notes when records arrive. Times are of the monotonic clock."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__(daemon=True, name="output")
        self._address, self._topic = bootstrap, topic
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._arrivals: list[float] = []

    def run(self) -> None:
        """Poll until told to end; a broker that is away is waited for."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._address,
            isolation_level="read_committed",
            enable_auto_commit=False,
            reconnect_backoff_max_ms=BACKOFF_MS,
            metrics_enabled=False,
        )
        try:
            parts = [TopicPartition(self._topic, n) for n in sorted(consumer.partitions_for_topic(self._topic) or ())]
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            while not self._over.is_set():
                try:
                    arrived = consumer.poll(timeout_ms=100)
                except KafkaError:
                    continue
                if arrived:
                    with self._lock:
                        self._arrivals.append(time.monotonic())
        finally:
            consumer.close()

    def end(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(30)

    @property
    def arrivals(self) -> list[float]:
        """Return the times of all arrivals so far."""
        with self._lock:
            return list(self._arrivals)

    def wait(self, after: float, deadline_s: float) -> float:
        """Return the time of the first arrival after a moment. Raises TimeoutError."""
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            late = [one for one in self.arrivals if one > after]
            if late:
                return late[0]
            time.sleep(0.1)
        raise TimeoutError(f"no output within {deadline_s:.0f} s")


def gap(arrivals: list[float], strike: float, until: float) -> float:
    """Return the longest time without output between the last arrival before a strike and `until`, in seconds.

    >>> gap([1.0, 2.0, 9.0, 10.0], 2.5, 11.0)
    7.0
    """
    before = [one for one in arrivals if one <= strike][-1:] or [strike]
    during = [one for one in arrivals if strike < one <= until]
    moments = [*before, *during]
    return max((later - earlier for earlier, later in pairwise(moments)), default=until - strike)
