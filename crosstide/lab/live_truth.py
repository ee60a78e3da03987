"""What faults on demand did: their entries of truth, measured on the records that passed."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from crosstide.lab.files import Record
from crosstide.lab.live_desk import millis
from crosstide.lab.live_faults import LONGEST_S
from crosstide.lab.record import reach_of
from crosstide.lab.truth import RECOVERY_MS, Done, truth

#: An effect is measured so long after the end of its fault: labels of the requests have come by then.
AFTER_MS = 45_000
#: Quiet time before a fault with which its requests are compared, at most.
QUIET_MS = 60_000
REMEMBERED_MS = 2 * QUIET_MS + 2 * int(LONGEST_S * 1000)
_TOPICS = ("model-outputs", "labels", "telemetry")


class Measuring:
    """Remembers records and the faults that are done, from `now` (ms since 1970) on."""

    def __init__(self, seed: int, now: int) -> None:
        self._seed, self._since = seed, now
        self._recent: dict[str, deque[Record]] = {topic: deque() for topic in _TOPICS}
        self._done: list[Done] = []
        self._waiting: list[Done] = []

    def saw(self, topic: str, records: list[Record], now: int) -> None:
        """Remember records."""
        if topic in self._recent:
            recent = self._recent[topic]
            recent.extend(_readings(records) if topic == "telemetry" else records)
            while recent and millis(recent[0]) < now - REMEMBERED_MS:
                recent.popleft()

    def add(self, done: Done) -> None:
        """Have a fault measured later."""
        self._waiting.append(done)
        self._done = [one for one in self._done if one.end > done.end - REMEMBERED_MS] + [done]

    def entries(self, now: int, everything: bool = False) -> list[dict[str, Any]]:
        """Answer an entry, as in truth.json, of each fault that can be measured by now, or of all.

        Where there was too little quiet before a fault, its effect is null and `unmeasured` says so.
        """
        due = [one for one in self._waiting if everything or now >= one.end + AFTER_MS]
        self._waiting = [one for one in self._waiting if one not in due]
        return [self._entry(done, now) for done in due]

    def _entry(self, done: Done, now: int) -> dict[str, Any]:
        together = sorted((one for one in self._done if _overlap(one, done)), key=lambda one: one.start)
        begin, end = together[0].start, max(one.end for one in together)
        quiet_from = max([self._since, *(one.end + RECOVERY_MS for one in self._done if one.end <= begin)])
        until = min([now, *(one.start for one in self._done if one.start >= end)])
        recent = {topic: list(records) for topic, records in self._recent.items()}
        said = truth(self._seed, quiet_from, until, together, recent, reach_of)
        entry: dict[str, Any] = next(entry for entry in said["faults"] if entry["id"] == done.slot.id)
        return entry


def _overlap(one: Done, other: Done) -> bool:
    return one.start < other.end and other.start < one.end


def _readings(telemetry: Iterable[Record]) -> list[Record]:
    """Keep when each entity was read, and not what: of telemetry truth only asks for silence."""
    read = {
        (record["timestamp"], *((kind, record[kind]) for kind in ("gpu", "service", "node") if kind in record))
        for record in telemetry
        if record.get("kind") != "event"
    }
    return [{"timestamp": at, **dict(entity)} for at, *entity in sorted(read)]
