"""A hash bucket of services: gathers blobs by pane, folds them when a window ends, and has the window judged.

While it remembers any subject, every window is judged, also one in which nothing came.
"""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Generic

import numpy as np

from models import model_pane, telemetry_pane
from models.admission import MODEL, TELEMETRY, Naming, admit
from models.bucket_memory import Memory, Pane, decode
from models.config import Pipeline
from models.features import model_frame
from models.frame import Frame
from models.hard_faults import Happening, happenings, recent, with_events
from models.model_pane import SUMS, ModelPane
from models.packets import Account, Packet
from models.scores import Judged, Stream
from models.series import SeriesTable
from models.silence import Silence
from models.telemetry_blob import SEPARATOR
from models.telemetry_features import telemetry_frame
from models.telemetry_pane import Carry, N, TelemetryPane

#: (series, frame, window start, window end) -> series that have learned the frame, verdicts
Judge = Callable[[SeriesTable, Frame, int, int], tuple[SeriesTable, list[Judged]]]


@dataclass(frozen=True)
class Closed:
    """What the end of a window gives: the new memory, verdicts, and accounts of what was folded.

    `tracked` subjects are remembered, present or not; `warming` of those judged are too young for a verdict; for
    `refused` subjects of this window there was no room.
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


class Bucket(ABC, Generic[Pane]):
    """The stream-independent part."""

    topic: str
    naming: Naming

    def __init__(self, stream: Stream, pipeline: Pipeline, judge: Judge) -> None:
        self._pipeline = pipeline
        self._judge = judge
        self._most = ceil(pipeline.limits.max_services / pipeline.windows.buckets)
        self._silence = Silence(stream, pipeline)

    def unpack(self, data: bytes | None) -> Memory[Pane] | None:
        """Decode a saved memory; None is a bucket that knows nothing. Raises ValueError for another version."""
        return None if data is None else decode(data, self._unpack)

    def close(self, memory: Memory[Pane] | None, blobs: Sequence[tuple[int, bytes]], end_ms: int) -> Closed:
        """End a window: fold the blobs (pane, bytes) of panes that are over, judge, and keep what is still needed.

        Without blobs and kept panes only the silence is judged, and the series are passed on as they are.
        """
        windows, known = self._pipeline.windows, Memory[Pane]() if memory is None else memory
        known, accounts, refused = self._gather(known, blobs)
        start_ms = end_ms - windows.size
        inside = [pane for pane_ms, pane in known.panes if start_ms <= pane_ms < end_ms]
        table, judged, heard, services = known.table, list[Judged](), dict[str, int](), dict[str, list[str]]()
        if inside:
            pane = self._merge(inside)
            frame = self._frame(pane)
            table, judged = self._judge(table, frame, start_ms, end_ms)
            heard, services = self._heard(pane), frame.services
        judged = with_events(judged, known.happened, start_ms, end_ms)
        usual = self._silence.listen(known.usual, heard, services, end_ms)
        judged += self._silence.judge(usual, start_ms, end_ms)
        usual = self._silence.remembered(usual, end_ms)
        kept = Memory(
            panes=[(pane_ms, pane) for pane_ms, pane in known.panes if pane_ms >= start_ms + windows.slide_ms],
            table=table,
            carry={name: last for name, last in known.carry.items() if last[0] >= end_ms - windows.forget},
            usual=usual,
            happened=recent(known.happened, end_ms, windows.slide_ms),
        )
        judged.sort(key=lambda one: one.subject)
        warming = sum(1 for verdict in judged if verdict.scores[0].status == "warming_up")
        return Closed(kept, judged, accounts, len(usual), warming, refused)

    def _gather(
        self, known: Memory[Pane], blobs: Sequence[tuple[int, bytes]]
    ) -> tuple[Memory[Pane], list[Packet], int]:
        """Fold the blobs of each pane, in order of time; account for their records, and count the refused subjects."""
        carry, panes, happened = known.carry, dict(known.panes), list(known.happened)
        accounts, by_pane = Counter[tuple[int, str]](), defaultdict[int, list[bytes]](list)
        for pane_ms, blob in blobs:
            by_pane[pane_ms].append(blob)
        admitted, refused = set(known.usual), set[str]()
        for pane_ms in sorted(by_pane):
            passed = admit(by_pane[pane_ms], admitted, self._most, self.naming)
            refused |= passed.refused
            accounts.update({(partition, "dropped_by_policy"): count for partition, count in passed.dropped.items()})
            if not passed.blobs:
                continue
            pane, scored, duplicates, carry = self._fold(passed.blobs, carry)
            # one stream stood still while the others went on: what it brings is late for some windows, not for all
            panes[pane_ms] = self._merge([panes[pane_ms], pane]) if pane_ms in panes else pane
            admitted.update(self._heard(pane))
            happened += self._happenings(pane_ms, pane)
            accounts.update({(partition, "scored"): count for partition, count in scored.items()})
            accounts.update({(partition, "duplicate"): count for partition, count in duplicates.items()})
        ordered = sorted(panes.items(), key=lambda pair: pair[0])
        known = replace(known, carry=carry, panes=ordered, happened=happened)
        return known, self._accounts(accounts), len(refused)

    def _accounts(self, counts: Counter[tuple[int, str]]) -> list[Packet]:
        by_partition: dict[int, dict[str, int]] = defaultdict(dict)
        for (partition, name), count in sorted(counts.items()):
            by_partition[partition][name] = count
        return [Account(topic=self.topic, partition=part, **named).packet() for part, named in by_partition.items()]

    @abstractmethod
    def _fold(self, blobs: list[bytes], carry: Carry) -> tuple[Pane, Counter[int], Counter[int], Carry]: ...

    @abstractmethod
    def _unpack(self, data: bytes) -> Pane: ...

    @abstractmethod
    def _merge(self, panes: list[Pane]) -> Pane: ...

    @abstractmethod
    def _frame(self, pane: Pane) -> Frame: ...

    @abstractmethod
    def _heard(self, pane: Pane) -> dict[str, int]:
        """Count the records of each subject."""

    def _happenings(self, pane_ms: int, pane: Pane) -> list[Happening]:  # noqa: ARG002
        return []


class ModelBucket(Bucket[ModelPane]):
    """Services by their model outputs."""

    topic = "model-outputs"
    naming = MODEL

    def _fold(self, blobs: list[bytes], carry: Carry) -> tuple[ModelPane, Counter[int], Counter[int], Carry]:
        return *model_pane.fold_blobs(blobs, self._pipeline.limits), carry

    def _unpack(self, data: bytes) -> ModelPane:
        return ModelPane.unpack(data)

    def _merge(self, panes: list[ModelPane]) -> ModelPane:
        return model_pane.merge_panes(panes, self._pipeline.limits)

    def _frame(self, pane: ModelPane) -> Frame:
        return model_frame(pane, self._pipeline.windows.size, self._pipeline.limits)

    def _heard(self, pane: ModelPane) -> dict[str, int]:
        counts = pane.sums[:, SUMS.index("n")].astype(np.int64).tolist()
        return {f"service/{name}": count for name, count in zip(pane.services, counts, strict=True)}


class TelemetryBucket(Bucket[TelemetryPane]):
    """Entities by their telemetry."""

    topic = "telemetry"
    naming = TELEMETRY

    def _fold(self, blobs: list[bytes], carry: Carry) -> tuple[TelemetryPane, Counter[int], Counter[int], Carry]:
        pane, scored, duplicates = telemetry_pane.fold_blobs(blobs, carry)
        return pane, scored, duplicates, telemetry_pane.carried(pane, carry)

    def _unpack(self, data: bytes) -> TelemetryPane:
        return TelemetryPane.unpack(data)

    def _merge(self, panes: list[TelemetryPane]) -> TelemetryPane:
        return telemetry_pane.merge_panes(panes)

    def _frame(self, pane: TelemetryPane) -> Frame:
        return telemetry_frame(pane, self._pipeline.windows.size)

    def _heard(self, pane: TelemetryPane) -> dict[str, int]:
        found = Counter[str]()
        for name, count in zip(pane.names, pane.stats[:, N].tolist(), strict=True):
            found[name.partition(SEPARATOR)[0]] += int(count)
        return dict(found)

    def _happenings(self, pane_ms: int, pane: TelemetryPane) -> list[Happening]:
        return happenings(pane_ms, pane)


def bucket_for(stream: Stream, pipeline: Pipeline, judge: Judge) -> Bucket[Any]:
    """Build the bucket of a stream."""
    return (ModelBucket if stream == "model" else TelemetryBucket)(stream, pipeline, judge)
