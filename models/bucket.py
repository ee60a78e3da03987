"""Hash buckets of services: what came for a window is folded when it ends, the window judged, what is needed kept.

While a bucket remembers any subject, every window is judged, also one in which nothing came. Small buckets are worked
on together (`models.bucket_union`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Generic

from models.bucket_gather import Gathered, gather
from models.bucket_kinds import Kind, kind_of
from models.bucket_memory import Memory, Pane, decode
from models.bucket_union import Piece, apart, joined, unions
from models.config import Pipeline
from models.frame import Frame
from models.hard_faults import recent, with_events
from models.packets import Packet
from models.scores import Judged, Stream
from models.series import SeriesTable
from models.silence import Silence
from models.telemetry_pane import Carry

#: (series, frame, window start, window end) -> series that have learned the frame, verdicts
Judge = Callable[[SeriesTable, Frame, int, int], tuple[SeriesTable, list[Judged]]]


@dataclass(frozen=True)
class Closed:
    """What the end of a window gives: the new memory, verdicts, and accounts of what was folded.

    `tracked` subjects are remembered, present or not; `warming` of those judged are too young for a verdict; for
    `refused` subjects of this window there was no room. `accounts` may speak for all buckets closed together.
    """

    memory: Memory[Any]
    judged: list[Judged]
    accounts: list[Packet]
    tracked: int
    warming: int
    refused: int = 0

    @property
    def known(self) -> Memory[Any] | None:
        """The memory, or None where nothing is worth remembering."""
        return self.memory if self.tracked else None


def window_ends(pane_ms: int, pipeline: Pipeline) -> list[int]:
    """Ends (exclusive, epoch ms) of all windows that hold a pane."""
    slide, size = pipeline.windows.slide_ms, pipeline.windows.size
    first = pane_ms // slide * slide + slide
    return list(range(first, pane_ms + size + 1, slide))


@dataclass(frozen=True)
class _Told:
    """What a window told of one bucket's subjects: verdicts, records heard, and the series that have learned it."""

    table: SeriesTable
    judged: list[Judged]
    heard: dict[str, int]
    services: dict[str, list[str]]


class Bucket(Generic[Pane]):
    """The buckets of one stream."""

    def __init__(self, stream: Stream, pipeline: Pipeline, judge: Judge) -> None:
        self.kind: Kind[Pane] = kind_of(stream, pipeline)
        self._pipeline, self._judge = pipeline, judge
        self._most = ceil(pipeline.limits.max_services / pipeline.windows.buckets)
        self._silence = Silence(stream, pipeline)

    def unpack(self, data: bytes | None) -> Memory[Pane] | None:
        """Decode a saved memory; None is a bucket that knows nothing. Raises ValueError for another version."""
        return None if data is None else decode(data, self.kind.unpack)

    def close(self, memory: Memory[Pane] | None, blobs: Sequence[tuple[int, bytes]], end_ms: int) -> Closed:
        """End a window of one bucket, as `close_all` does; `blobs`: (start of the pane, bytes)."""
        return self.close_all({"": Piece(memory or Memory[Pane](), blobs)}, end_ms)[""]

    def close_all(self, pieces: Mapping[str, Piece[Pane]], end_ms: int) -> dict[str, Closed]:
        """End a window of several buckets: fold what came, judge it, and keep what is still needed of each.

        Of a bucket without blobs and kept panes only the silence is judged; its series are passed on as they are.
        """
        closed: dict[str, Closed] = {}
        for union in unions(pieces):
            gathered = gather(self.kind, union, self._most)
            if len(union) > 1 and any(gathered.refused.values()):
                # who finds no room is a matter of each bucket alone
                for key, piece in union.items():
                    closed |= self._closed({key: piece}, gather(self.kind, {key: piece}, self._most), end_ms)
            else:
                closed |= self._closed(union, gathered, end_ms)
        return closed

    def _closed(self, union: Mapping[str, Piece[Pane]], gathered: Gathered[Pane], end_ms: int) -> dict[str, Closed]:
        told, known = self._told(union, gathered, end_ms), self._known(union, gathered, end_ms)
        accounts, closed = gathered.accounts(self.kind.topic), dict[str, Closed]()
        for key in union:
            memory, judged = self._remember(known[key], told.get(key), end_ms)
            warming = sum(1 for verdict in judged if verdict.scores[0].status == "warming_up")
            closed[key] = Closed(memory, judged, accounts, len(memory.usual), warming, len(gathered.refused[key]))
            accounts = []
        return closed

    def _told(self, union: Mapping[str, Piece[Pane]], gathered: Gathered[Pane], end_ms: int) -> dict[str, _Told]:
        """Judge the window of those buckets that have panes in it."""
        inside = range(end_ms - self._pipeline.windows.size, end_ms)
        keys = [key for key in union if any(pane_ms in inside for pane_ms in gathered.brought[key])]
        if not keys:
            return {}
        pane = self.kind.merge([pane for pane_ms, pane in sorted(gathered.panes.items()) if pane_ms in inside])
        frame, tables = self.kind.frame(pane), {key: union[key].memory.table for key in keys}
        table, judged = self._judge(joined(tables.values()), frame, inside.start, end_ms)
        parts = apart(table, tables, gathered.owners)
        told = {key: _Told(parts[key], [], {}, frame.services) for key in keys}
        for one in judged:
            told[gathered.owners[one.subject]].judged.append(one)
        for subject, count in self.kind.heard(pane).items():
            told[gathered.owners[subject]].heard[subject] = count
        return told

    def _known(
        self, union: Mapping[str, Piece[Pane]], gathered: Gathered[Pane], end_ms: int
    ) -> dict[str, Memory[Pane]]:
        """Tell apart what the buckets know: panes that a later window needs, last samples of counters, and events."""
        windows = self._pipeline.windows
        panes = [pair for pair in sorted(gathered.panes.items()) if pair[0] >= end_ms - windows.size + windows.slide_ms]
        carry: dict[str, Carry] = {key: {} for key in union}
        for name, last in gathered.carry.items():
            if last[0] >= end_ms - windows.forget:
                carry[gathered.owners[self.kind.naming.subject(name)]][name] = last
        return {
            key: replace(
                piece.memory,
                panes=[(at, gathered.part(self.kind, pane, key)) for at, pane in panes if at in gathered.brought[key]],
                carry=carry[key],
                happened=gathered.happened[key],
            )
            for key, piece in union.items()
        }

    def _remember(self, known: Memory[Pane], told: _Told | None, end_ms: int) -> tuple[Memory[Pane], list[Judged]]:
        """Add events and silence to the verdicts of one bucket; answer what it knows after the window, and those."""
        windows, told = self._pipeline.windows, told or _Told(known.table, [], {}, {})
        start_ms = end_ms - windows.size
        judged = with_events(told.judged, known.happened, start_ms, end_ms)
        usual = self._silence.listen(known.usual, told.heard, told.services, end_ms)
        judged += self._silence.judge(usual, start_ms, end_ms)
        judged.sort(key=lambda one: one.subject)
        usual, happened = self._silence.remembered(usual, end_ms), recent(known.happened, end_ms, windows.slide_ms)
        return replace(known, table=told.table, usual=usual, happened=happened), judged
