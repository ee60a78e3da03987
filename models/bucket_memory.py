"""What a bucket knows between windows, as one versioned value of bytes."""

import msgspec

from models.hard_faults import Happening
from models.series import SeriesTable
from models.silence import Usual
from models.telemetry_pane import Carry

VERSION = 2


class Memory(msgspec.Struct, frozen=True):
    """Folded panes that a later window needs, series, counters' last samples, usual gaps, and recent hard events."""

    version: int
    panes: list[tuple[int, bytes]]
    table: bytes
    carry: Carry
    usual: dict[str, Usual]
    happened: list[Happening]


def encode(memory: Memory) -> bytes:
    """Encode as bytes, for state."""
    return msgspec.msgpack.encode(memory)


def decode(memory: bytes | None) -> Memory:
    """Decode a bucket's memory; None is a bucket that knows nothing. Raises ValueError for another version."""
    if memory is None:
        return Memory(VERSION, [], SeriesTable.empty().pack(), {}, {}, [])
    version = msgspec.msgpack.decode(memory, type=_Head).version
    if version != VERSION:
        raise ValueError(f"bucket memory of version {version}, this program reads version {VERSION}")
    return msgspec.msgpack.decode(memory, type=Memory)


class _Head(msgspec.Struct):
    version: int
