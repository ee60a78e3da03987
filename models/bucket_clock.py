"""Which windows of a bucket end, and in which order: those with records, and, while it remembers anything, all others.

A window in which nothing came is a finding (`models/silence.py`), but the end of a replay is not: files and bounded
topics end with the final watermark, which says that no more will be read, not how late it is. Windows without records
therefore end only where a real watermark has passed them, or where a later window has records.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

#: The watermark of a source that has ended: `Long.MAX_VALUE`.
FINAL = 2**63 - 1


class Clock(Struct, frozen=True, array_like=True):
    """Ends of windows with records that are not judged yet, in order; `closed_ms`: the last end, while it remembers.

    All ends are exclusive, epoch ms. `closed_ms` is None while the bucket remembers nothing: only records wake it.
    """

    pending: tuple[int, ...] = ()
    closed_ms: int | None = None

    def expecting(self, ends: Iterable[int]) -> "Clock":
        """Answer the clock that waits for these ends too."""
        return replace(self, pending=tuple(sorted({*self.pending, *ends})))

    def upcoming(self, slide_ms: int) -> int | None:
        """Return the end of the next window to judge; None: there is nothing to wait for."""
        regular = () if self.closed_ms is None else (self.closed_ms + slide_ms,)
        return min((*self.pending[:1], *regular), default=None)

    def due(self, slide_ms: int, watermark: int) -> int | None:
        """Return the end of the next window to judge if the watermark has passed it, else None."""
        end_ms = self.upcoming(slide_ms)
        if end_ms is None or end_ms - 1 > watermark or (watermark >= FINAL and not self.pending):
            return None
        return end_ms

    def closed(self, end_ms: int, watching: bool) -> "Clock":
        """Answer the clock after the window that ends at `end_ms`; `watching`: the bucket still remembers something."""
        left = tuple(one for one in self.pending if one > end_ms)
        return Clock(left, end_ms if watching else None)
