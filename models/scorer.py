"""Judges a frame: expectation, then every detector, then one fused verdict per subject. Score first, learn after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.artifact import Artifacts, TrainedForest
from models.columns import Array
from models.config import Pipeline
from models.detectors.base import Context, Detector, Marks, View
from models.detectors.registry import build
from models.drift_frame import with_drift
from models.drift_profile import Profiles
from models.expectation import LocalExpectation
from models.frame import Frame
from models.fuse import fused_scores
from models.outliers import with_outlier_share
from models.scores import Judged, Stream
from models.series import Layout, SeriesTable
from models.series_cap import capped
from models.verdict_lines import line_scores

SEEN = "seen_ms"


@dataclass(frozen=True)
class Scorer:
    """The detectors of one stream."""

    stream: Stream
    pipeline: Pipeline
    expectation: LocalExpectation
    detectors: Sequence[Detector]
    input_forests: dict[str, TrainedForest]
    profiles: Profiles

    @classmethod
    def of(cls, stream: Stream, pipeline: Pipeline, artifacts: Artifacts) -> "Scorer":
        """Build the scorer that the configuration describes."""
        entries = pipeline.detectors.model if stream == "model" else pipeline.detectors.infra
        detectors = build(entries, Context(pipeline, stream, artifacts))
        expectation = LocalExpectation(pipeline.expectation, artifacts.baselines)
        return cls(stream, pipeline, expectation, detectors, artifacts.forests, Profiles(artifacts.drift))

    @property
    def layout(self) -> Layout:
        """Everything that is remembered of a series."""
        merged: dict[str, tuple[int | None, float]] = {SEEN: (None, 0.0), **self.expectation.layout}
        for detector in self.detectors:
            merged.update(detector.layout)
        return merged

    def judge(self, table: SeriesTable, frame: Frame, start_ms: int, end_ms: int) -> tuple[SeriesTable, list[Judged]]:
        """Judge one window and answer the table that has learned it."""
        frame = with_drift(with_outlier_share(frame, self.input_forests), self.profiles)
        frame = capped(frame, table.places, self.pipeline.limits.max_signals)
        table, rows = table.with_rows(frame.keys, self.layout)
        memory = {name: column[rows] for name, column in table.columns.items()}
        returned = memory[SEEN] < end_ms - self.pipeline.windows.slide_ms
        view = View(frame, self.expectation.expect(frame, memory), memory, returned)
        marks = [detector.score(view) for detector in self.detectors]
        learned = self._learn(view, marks, end_ms)
        table = self._forget(table.learned(rows, learned), end_ms)
        return table, self._judged(view, marks, start_ms, end_ms)

    def _learn(self, view: View, marks: list[Marks], end_ms: int) -> dict[str, Array]:
        strange = np.zeros(len(view.frame.values), bool)
        for mark in marks:
            if not mark.multivariate:
                strange[mark.rows[mark.scores >= 1]] = True
        learned = self.expectation.learn(view.frame, view.memory, strange)
        for detector, mark in zip(self.detectors, marks, strict=True):
            learned.update(detector.update(view, mark))
        return learned | {SEEN: np.full(len(strange), float(end_ms))}

    def _forget(self, table: SeriesTable, end_ms: int) -> SeriesTable:
        stale = table.columns[SEEN] < end_ms - self.pipeline.windows.forget
        return table.without(stale) if stale.any() else table

    def _judged(self, view: View, marks: list[Marks], start_ms: int, end_ms: int) -> list[Judged]:
        floor = self.pipeline.outputs.score_floor
        lines = line_scores(view, marks, self.stream, floor, start_ms, end_ms)
        fused = fused_scores(view, marks, self.stream, start_ms, end_ms)
        return [
            Judged(
                subject=subject,
                stream=self.stream,
                start_ms=start_ms,
                end_ms=end_ms,
                services=view.frame.services.get(subject, []),
                scores=[verdict, *lines.get(subject, [])],
            )
            for subject, verdict in sorted(fused.items())
        ]
