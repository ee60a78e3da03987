"""What a bucket knows between windows: a plain value, and one versioned encoding of it as bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from models.hard_faults import Happening
from models.model_pane import ModelPane
from models.series import SeriesTable
from models.silence import Usual
from models.telemetry_pane import Carry, TelemetryPane

VERSION = 2
Pane = TypeVar("Pane", ModelPane, TelemetryPane)


@dataclass(frozen=True)
class Memory(Generic[Pane]):
    """Folded panes that a later window needs, series, counters' last samples, usual gaps, and recent hard events."""

    panes: list[tuple[int, Pane]] = field(default_factory=list)
    table: SeriesTable = field(default_factory=SeriesTable.empty)
    carry: Carry = field(default_factory=dict)
    usual: dict[str, Usual] = field(default_factory=dict)
    happened: list[Happening] = field(default_factory=list)


class _Stored(msgspec.Struct, frozen=True):
    """A memory as bytes hold it."""

    version: int
    panes: list[tuple[int, bytes]]
    table: bytes
    carry: Carry
    usual: dict[str, Usual]
    happened: list[Happening]


class _Head(msgspec.Struct):
    version: int


def encode(memory: Memory[Pane]) -> bytes:
    """Encode as bytes, for state."""
    panes = [(pane_ms, pane.pack()) for pane_ms, pane in memory.panes]
    stored = _Stored(VERSION, panes, memory.table.pack(), memory.carry, memory.usual, memory.happened)
    return msgspec.msgpack.encode(stored)


def decode(data: bytes, unpack: Callable[[bytes], Pane]) -> Memory[Pane]:
    """Decode what `encode` wrote; `unpack` decodes a pane. Raises ValueError for another version."""
    version = msgspec.msgpack.decode(data, type=_Head).version
    if version != VERSION:
        raise ValueError(f"bucket memory of version {version}, this program reads version {VERSION}")
    stored = msgspec.msgpack.decode(data, type=_Stored)
    panes = [(pane_ms, unpack(pane)) for pane_ms, pane in stored.panes]
    return Memory(panes, SeriesTable.unpack(stored.table), stored.carry, stored.usual, stored.happened)
