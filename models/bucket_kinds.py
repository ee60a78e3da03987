"""What differs between the buckets of the two streams: services by model outputs, entities by telemetry."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models import model_pane, telemetry_pane
from models.admission import MODEL, TELEMETRY, Naming
from models.bucket_memory import Pane
from models.config import Pipeline
from models.features import model_frame
from models.frame import Frame
from models.hard_faults import Happening, happenings
from models.model_pane import SUMS, ModelPane
from models.scores import Stream
from models.telemetry_blob import SEPARATOR
from models.telemetry_features import telemetry_frame
from models.telemetry_pane import Carry, N, TelemetryPane


class Kind(Protocol[Pane]):
    """The panes of a stream: how they are folded, merged, cut and looked at."""

    @property
    def topic(self) -> str:
        """The topic of the stream."""

    @property
    def naming(self) -> Naming:
        """How its blobs name their subjects."""

    def fold(self, blobs: list[bytes], carry: Carry) -> tuple[Pane, Counter[int], Counter[int], Carry]:
        """Fold the blobs of a pane; also answer scored and duplicate records by partition, and the next carry."""

    def unpack(self, data: bytes) -> Pane:
        """Decode a pane."""

    def merge(self, panes: list[Pane]) -> Pane:
        """Merge panes, in order of time."""

    def part(self, pane: Pane, stays: Callable[[str], bool]) -> Pane:
        """Answer what a pane holds of the subjects that stay."""

    def frame(self, pane: Pane) -> Frame:
        """Answer the signals of a window."""

    def heard(self, pane: Pane) -> dict[str, int]:
        """Count the records of each subject."""

    def happenings(self, pane_ms: int, pane: Pane) -> list[tuple[str, Happening]]:
        """Find hard events; with each the subject whose records tell of it."""


@dataclass(frozen=True)
class ModelKind:
    """Services by their model outputs."""

    pipeline: Pipeline
    topic: str = "model-outputs"
    naming: Naming = MODEL

    def fold(self, blobs: list[bytes], carry: Carry) -> tuple[ModelPane, Counter[int], Counter[int], Carry]:
        """Fold; nothing is carried."""
        return *model_pane.fold_blobs(blobs, self.pipeline.limits), carry

    def unpack(self, data: bytes) -> ModelPane:
        """Decode."""
        return ModelPane.unpack(data)

    def merge(self, panes: list[ModelPane]) -> ModelPane:
        """Merge."""
        return model_pane.merge_panes(panes, self.pipeline.limits)

    def part(self, pane: ModelPane, stays: Callable[[str], bool]) -> ModelPane:
        """Cut."""
        return pane.part(np.array([stays(f"service/{name}") for name in pane.services], bool))

    def frame(self, pane: ModelPane) -> Frame:
        """Look."""
        return model_frame(pane, self.pipeline.windows.size, self.pipeline.limits)

    def heard(self, pane: ModelPane) -> dict[str, int]:
        """Count."""
        counts = pane.sums[:, SUMS.index("n")].astype(np.int64).tolist()
        return {f"service/{name}": count for name, count in zip(pane.services, counts, strict=True)}

    def happenings(self, pane_ms: int, pane: ModelPane) -> list[tuple[str, Happening]]:  # noqa: ARG002
        """Find none: model outputs have no events."""
        return []


@dataclass(frozen=True)
class TelemetryKind:
    """Entities by their telemetry."""

    pipeline: Pipeline
    topic: str = "telemetry"
    naming: Naming = TELEMETRY

    def fold(self, blobs: list[bytes], carry: Carry) -> tuple[TelemetryPane, Counter[int], Counter[int], Carry]:
        """Fold; the last samples of counters are carried."""
        pane, scored, duplicates = telemetry_pane.fold_blobs(blobs, carry)
        return pane, scored, duplicates, telemetry_pane.carried(pane, carry)

    def unpack(self, data: bytes) -> TelemetryPane:
        """Decode."""
        return TelemetryPane.unpack(data)

    def merge(self, panes: list[TelemetryPane]) -> TelemetryPane:
        """Merge."""
        return telemetry_pane.merge_panes(panes)

    def part(self, pane: TelemetryPane, stays: Callable[[str], bool]) -> TelemetryPane:
        """Cut."""
        keep = [row for row, name in enumerate(pane.names) if stays(_entity(name))]
        if len(keep) == len(pane.names):
            return pane
        return TelemetryPane([pane.names[row] for row in keep], pane.stats[keep])

    def frame(self, pane: TelemetryPane) -> Frame:
        """Look."""
        return telemetry_frame(pane, self.pipeline.windows.size)

    def heard(self, pane: TelemetryPane) -> dict[str, int]:
        """Count."""
        found = Counter[str]()
        for name, count in zip(pane.names, pane.stats[:, N].tolist(), strict=True):
            found[_entity(name)] += int(count)
        return dict(found)

    def happenings(self, pane_ms: int, pane: TelemetryPane) -> list[tuple[str, Happening]]:
        """Find kills and restarts."""
        return [(_entity(name), happening) for name, happening in happenings(pane_ms, pane)]


def kind_of(stream: Stream, pipeline: Pipeline) -> Kind[Any]:
    """Answer the kind of a stream."""
    return ModelKind(pipeline) if stream == "model" else TelemetryKind(pipeline)


def _entity(name: str) -> str:
    return name.partition(SEPARATOR)[0]
