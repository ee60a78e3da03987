"""When each record of a live lab leaves: requests once each, labels when they become known."""

import heapq
from collections import deque
from collections.abc import Iterable
from datetime import datetime

from crosstide.lab.files import Record

#: A call without an answer waits so long for the record of the service itself, which says more.
HOLD_MS = 2_000
#: So long a request is remembered, so that it is not told twice.
REMEMBERED_MS = 60_000


class Desk:
    """Takes records as they are written, and answers those that are due (times in ms since 1970)."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], int] = {}
        self._unanswered: deque[tuple[int, Record]] = deque()
        self._labels: list[tuple[int, str, str, Record]] = []

    def outputs(self, answered: Iterable[Record], unanswered: Iterable[Record], now: int) -> list[Record]:
        """Take model outputs: of services, and of callers that had no answer. Each request is answered once."""
        self._unanswered.extend((now + HOLD_MS, record) for record in unanswered)
        ready = list(answered)
        while self._unanswered and self._unanswered[0][0] <= now:
            ready.append(self._unanswered.popleft()[1])
        return [record for record in ready if self._is_new(record, now)]

    def labels(self, known_later: Iterable[Record], now: int) -> list[Record]:
        """Take labels, whose time is when they become known; answers those known by now."""
        for record in known_later:
            heapq.heappush(self._labels, (millis(record), record["service"], record["request_id"], record))
        due = []
        while self._labels and self._labels[0][0] <= now:
            due.append(heapq.heappop(self._labels)[-1])
        return due

    def _is_new(self, record: Record, now: int) -> bool:
        while self._told and (oldest := next(iter(self._told))) and self._told[oldest] < now - REMEMBERED_MS:
            del self._told[oldest]
        name = (record["service"], record["request_id"])
        if name in self._told:
            return False
        self._told[name] = now
        return True


def millis(record: Record) -> int:
    """Read a record's time."""
    return round(datetime.fromisoformat(record["timestamp"]).timestamp() * 1000)
