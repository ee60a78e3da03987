"""A hash bucket of services: gathers blobs by pane, folds them when a window ends, and has the window judged.

The whole memory of a bucket is one value of bytes, read and written once per window.
"""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from models import model_pane, telemetry_pane
from models.config import Pipeline
from models.features import model_frame, telemetry_frame
from models.frame import Frame
from models.model_pane import ModelPane
from models.packets import Account, Packet
from models.scores import Judged, Stream
from models.series import SeriesTable
from models.telemetry_pane import Carry, TelemetryPane

Pane = TypeVar("Pane", ModelPane, TelemetryPane)
VERSION = 1
#: (series, frame, window start, window end) -> series that have learned the frame, verdicts
Judge = Callable[[SeriesTable, Frame, int, int], tuple[SeriesTable, list[Judged]]]


class Memory(msgspec.Struct, frozen=True):
    """What a bucket knows between windows: folded panes that a later window needs, series, counters' last samples."""

    version: int
    panes: list[tuple[int, bytes]]
    table: bytes
    carry: Carry


@dataclass(frozen=True)
class Closed:
    """What the end of a window gives: the new memory, verdicts, and accounts of what was folded."""

    memory: bytes
    judged: list[Judged]
    accounts: list[Packet]
    tracked: int
    warming: int


def window_ends(pane_ms: int, pipeline: Pipeline) -> list[int]:
    """Ends (exclusive, epoch ms) of all windows that hold a pane."""
    slide, size = pipeline.windows.slide_ms, pipeline.windows.size
    first = pane_ms // slide * slide + slide
    return list(range(first, pane_ms + size + 1, slide))


class Bucket(ABC, Generic[Pane]):
    """The stream-independent part."""

    topic: str

    def __init__(self, pipeline: Pipeline, judge: Judge) -> None:
        self._pipeline = pipeline
        self._judge = judge

    def close(self, memory: bytes | None, blobs: Sequence[tuple[int, bytes]], end_ms: int) -> Closed:
        """End a window: fold the blobs (pane, bytes) of panes that are over, judge, and keep what is still needed."""
        known = Memory(VERSION, [], SeriesTable.empty().pack(), {}) if memory is None else _decode(memory)
        carry, panes, accounts = known.carry, dict(known.panes), Counter[tuple[int, str]]()
        by_pane: dict[int, list[bytes]] = defaultdict(list)
        for pane_ms, blob in blobs:
            by_pane[pane_ms].append(blob)
        for pane_ms in sorted(by_pane):
            pane, scored, duplicates, carry = self._fold(by_pane[pane_ms], carry)
            panes[pane_ms] = pane.pack()
            accounts.update({(partition, "scored"): count for partition, count in scored.items()})
            accounts.update({(partition, "duplicate"): count for partition, count in duplicates.items()})
        start_ms = end_ms - self._pipeline.windows.size
        inside = [self._unpack(data) for pane_ms, data in sorted(panes.items()) if start_ms <= pane_ms < end_ms]
        table = SeriesTable.unpack(known.table)
        judged: list[Judged] = []
        if inside:
            table, judged = self._judge(table, self._frame(inside), start_ms, end_ms)
        needed = start_ms + self._pipeline.windows.slide_ms
        kept = [(pane_ms, data) for pane_ms, data in sorted(panes.items()) if pane_ms >= needed]
        warming = sum(1 for verdict in judged if verdict.scores[0].status == "warming_up")
        subjects = len({key.partition(" ")[0] for key in table.keys})
        carry = {name: last for name, last in carry.items() if last[0] >= end_ms - self._pipeline.windows.forget}
        encoded = msgspec.msgpack.encode(Memory(VERSION, kept, table.pack(), carry))
        return Closed(encoded, judged, self._accounts(accounts), subjects, warming)

    def _accounts(self, counts: Counter[tuple[int, str]]) -> list[Packet]:
        by_partition: dict[int, dict[str, int]] = defaultdict(dict)
        for (partition, name), count in sorted(counts.items()):
            by_partition[partition][name] = count
        return [
            Packet(
                "account",
                f"{self.topic}/{partition}",
                0,
                msgspec.msgpack.encode(Account(topic=self.topic, partition=partition, **named)),
            )
            for partition, named in by_partition.items()
        ]

    @abstractmethod
    def _fold(self, blobs: list[bytes], carry: Carry) -> tuple[Pane, Counter[int], Counter[int], Carry]: ...

    @abstractmethod
    def _unpack(self, data: bytes) -> Pane: ...

    @abstractmethod
    def _frame(self, panes: list[Pane]) -> Frame: ...


class ModelBucket(Bucket[ModelPane]):
    """Services by their model outputs."""

    topic = "model-outputs"

    def _fold(self, blobs: list[bytes], carry: Carry) -> tuple[ModelPane, Counter[int], Counter[int], Carry]:
        return *model_pane.fold_blobs(blobs, self._pipeline.limits), carry

    def _unpack(self, data: bytes) -> ModelPane:
        return ModelPane.unpack(data)

    def _frame(self, panes: list[ModelPane]) -> Frame:
        limits = self._pipeline.limits
        return model_frame(model_pane.merge_panes(panes, limits), self._pipeline.windows.size, limits)


class TelemetryBucket(Bucket[TelemetryPane]):
    """Entities by their telemetry."""

    topic = "telemetry"

    def _fold(self, blobs: list[bytes], carry: Carry) -> tuple[TelemetryPane, Counter[int], Counter[int], Carry]:
        pane, scored, duplicates = telemetry_pane.fold_blobs(blobs, carry)
        return pane, scored, duplicates, telemetry_pane.carried(pane, carry)

    def _unpack(self, data: bytes) -> TelemetryPane:
        return TelemetryPane.unpack(data)

    def _frame(self, panes: list[TelemetryPane]) -> Frame:
        return telemetry_frame(telemetry_pane.merge_panes(panes), self._pipeline.windows.size)


def bucket_for(stream: Stream, pipeline: Pipeline, judge: Judge) -> "ModelBucket | TelemetryBucket":
    """Build the bucket of a stream."""
    return (ModelBucket if stream == "model" else TelemetryBucket)(pipeline, judge)


def _decode(memory: bytes) -> Memory:
    """Decode a bucket's memory. Raises ValueError for another version."""
    known = msgspec.msgpack.decode(memory, type=Memory)
    if known.version != VERSION:
        raise ValueError(f"bucket memory of version {known.version}, this program reads version {VERSION}")
    return known
