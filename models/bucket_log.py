"""What saved state holds of a bucket, so that little is written for each window.

A window changes most of a bucket's memory, but brings little news. So its memory is saved now and then, and beside it
stays what came since: the blobs, and the ends of the windows that were judged. Judging is deterministic: whoever finds
a saved memory judges those windows once more, writes none of their verdicts, and knows what was known before.
Blobs are kept anyway until their windows end; they are left a little longer, up to the size of the memory itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic

import msgspec
from msgspec import Struct

from models.bucket_clock import Clock
from models.bucket_memory import Memory, Pane

#: Windows that a restart judges again at most.
MOST_WINDOWS = 30


class Arrived(Struct, frozen=True, array_like=True):
    """A blob: the start of its pane, and the end of the last window that had been judged when it came (0: none since).

    Times: epoch ms.
    """

    pane_ms: int
    after_ms: int
    data: bytes

    def counts_in(self, end_ms: int) -> bool:
        """Tell whether the window that ends at `end_ms` folds it, if none before does: it is there, its pane over."""
        return self.pane_ms < end_ms and self.after_ms < end_ms


class Head(Struct, frozen=True, array_like=True):
    """The windows that are waited for, and the ends of those judged since the memory was saved, in order."""

    clock: Clock = Clock()
    judged: tuple[int, ...] = ()


@dataclass
class Live(Generic[Pane]):
    """A bucket while it is worked on; equal to what `Head`, saved memory and blobs make when they are read again.

    `blobs` are those that no window has folded; `saved` bytes of the memory, `logged` of the blobs folded since then.
    """

    memory: Memory[Pane] | None = None
    clock: Clock = field(default_factory=Clock)
    judged: list[int] = field(default_factory=list)
    blobs: list[Arrived] = field(default_factory=list)
    saved: int = 0
    logged: int = 0

    @property
    def head(self) -> bytes:
        """What is saved of it whenever a window is judged or waited for."""
        return msgspec.msgpack.encode(Head(self.clock, tuple(self.judged)))

    @property
    def is_due(self) -> bool:
        """Whether it is time to save the memory: once as much has been folded, so that the two cost alike."""
        return self.memory is None or self.logged >= self.saved or len(self.judged) >= MOST_WINDOWS

    @property
    def state_bytes(self) -> int:
        """Bytes of saved state, nearly."""
        return self.saved + self.logged + sum(len(blob.data) for blob in self.blobs)

    def arrive(self, pane_ms: int, data: bytes) -> bytes:
        """Take in a blob, and answer what is to be saved of it."""
        blob = Arrived(pane_ms, self.judged[-1] if self.judged else 0, data)
        self.blobs.append(blob)
        return msgspec.msgpack.encode(blob)

    def take(self, end_ms: int) -> list[tuple[int, bytes]]:
        """Take out the blobs (pane, bytes) that the window folds."""
        ready = [blob for blob in self.blobs if blob.counts_in(end_ms)]
        self.blobs = [blob for blob in self.blobs if not blob.counts_in(end_ms)]
        self.logged += sum(len(blob.data) for blob in ready)
        return [(blob.pane_ms, blob.data) for blob in ready]

    def left(self) -> Iterator[bytes]:
        """Answer the blobs that stay when the memory is saved."""
        return map(msgspec.msgpack.encode, self.blobs)


def found(head: bytes | None, blobs: Sequence[bytes]) -> tuple[Live[Pane], tuple[int, ...]]:
    """Read a bucket's saved state but for its memory; also answer the ends of the windows to judge again."""
    known = Head() if head is None else msgspec.msgpack.decode(head, type=Head)
    arrived = [msgspec.msgpack.decode(blob, type=Arrived) for blob in blobs]
    return Live(clock=known.clock, blobs=arrived), known.judged
