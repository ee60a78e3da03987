"""One clock for all processes of the lab: the machine's monotonic clock, read as UTC.

The wall clock may be stepped while a recording runs, and latencies are measured across processes. `CLOCK_MONOTONIC`
is the same in every process of a machine, so the recorder fixes the difference to UTC once and hands it to all.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Clock:
    """`offset_s`: seconds to add to the monotonic clock to get seconds since 1970."""

    offset_s: float

    @classmethod
    def fixed_now(cls) -> "Clock":
        """Take the difference between the two clocks as it is at this moment."""
        return cls(time.time() - time.monotonic())

    def at(self, monotonic_s: float) -> int:
        """Say a monotonic time as whole milliseconds since 1970."""
        return round((monotonic_s + self.offset_s) * 1000)

    def now(self) -> int:
        """Read the time, in whole milliseconds since 1970."""
        return self.at(time.monotonic())


def iso(millis: int) -> str:
    """Write milliseconds since 1970 as ISO 8601 UTC.

    >>> iso(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
