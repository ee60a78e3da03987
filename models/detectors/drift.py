"""Drift against the frozen baseline: distributions of features, confidence and predictions; missing and unseen values.

Counts of the last windows are compared with the trained ones (`models.drift_stats`), p-values of a service are adjusted
for their number (Benjamini and Hochberg), and a score reaches 1 only where the change is large enough to matter and the
newest window still shows at least half of it: what a fault left in the counts is no new evidence.
A drift that lasts longer than the cap becomes a second normal, beside the frozen one, until another one does.
Blind spots: features that are strings (only their absence is seen), and changes inside one bin.
"""

import numpy as np
from pydantic import Field

from models.columns import Array
from models.config import Section
from models.detectors.base import Context, Marks, View, calibrated, reasons_of
from models.drift import BINS
from models.drift_compare import Frozen
from models.drift_frame import DriftFrame
from models.drift_recent import HALF_LIFE, LEAST, decay, effective
from models.drift_stats import SURE, false_discovery
from models.expectation import THAW
from models.frame import Floats
from models.series import Layout

KIND = "drift"
#: A drift stands while the newest window shows so much of it.
STILL = 0.5


class Options(Section):
    """Options of kind `drift`."""

    alpha: float = Field(0.001, gt=0, lt=0.5, description="Share of false signals, per window and service.")
    half_life: float = Field(HALF_LIFE, gt=0, description="Windows after which a record counts half.")
    floor: float = Field(0.2, gt=0, description="Smallest PSI beyond chance that matters; 0.2 is usual.")
    share_floor: float = Field(
        0.05, gt=0, lt=1, description="Smallest rise that matters of the share of missing or never seen values."
    )
    least: int = Field(LEAST, ge=10, description="Effective records of the last windows below which it abstains.")
    cap: int | None = Field(
        None, gt=0, description="Windows of drift after which it is a new normal. Default: `expectation.freeze_cap`."
    )


def build(options: Options, context: Context) -> "DriftDetector":
    """Build it; what it compares with comes with the frame, of the artifacts named here."""
    cap = context.pipeline.expectation.freeze_cap if options.cap is None else options.cap
    fresh = context.pipeline.windows.slide_ms / context.pipeline.windows.size
    return DriftDetector(options, cap, fresh, context.artifacts.id)


class DriftDetector:
    """Remembers of each series: recent counts and their squared weights, how long it drifts, and a second normal."""

    def __init__(self, options: Options, cap: int, fresh: float, artifact: str) -> None:
        self._options = options
        self._cap = cap
        self._fresh = fresh  # share of a window that no window before held: a record in two windows counts half in each
        self._artifact = f"drift@{artifact[:12]}"
        name = f"drift/{artifact}/{options.half_life}"  # counts in other bins would mean something else
        self._counts, self._squares, self._run, self._normal = (
            f"{name}/{column}" for column in ("counts", "squares", "run", "normal")
        )

    @property
    def layout(self) -> Layout:
        """Two distributions and two numbers."""
        bins: tuple[int | None, float] = (BINS, 0.0)
        return {self._counts: bins, self._normal: bins, self._squares: (None, 0.0), self._run: (None, 0.0)}

    def score(self, view: View) -> Marks:
        """Judge every row that has a frozen baseline."""
        frame = view.frame
        if not isinstance(frame, DriftFrame):
            return Marks(KIND, np.zeros(0, np.int64), np.zeros(0), np.zeros(0), [])
        rows, recent = frame.drift_rows, effective(*self._recent(view, frame))
        enough = recent.sum(axis=1) >= self._options.least
        frozen = Frozen.of(frame.baseline, self._options.floor, self._options.share_floor)
        first = frozen.compare(recent, frame.tallies)
        told = frozen.nearest(first, view.memory[self._normal][rows], recent, frame.tallies)
        p_values = np.ones(len(rows))
        if enough.any():
            p_values[enough] = false_discovery(told.p_values[enough], frame.by_subject.codes[rows[enough]])
        scores = calibrated(p_values, self._options.alpha)
        # a trifle never reaches the threshold, however sure it is
        matters = np.minimum(told.excess, 1.0) * np.clip(told.lean / STILL, 0.0, 1.0)
        scores = np.where(matters >= 1, scores, np.minimum(scores, 1.0) * matters)
        reasons = reasons_of(~enough, "too_few_records")
        return Marks(KIND, rows, scores, p_values, reasons, artifact=self._artifact, kept=(first, recent))

    def update(self, view: View, marks: Marks) -> dict[str, Array]:
        """Add the window to the counts. What it contradicts is forgotten; a drift beyond the cap is normal too."""
        frame, learned = view.frame, {name: view.memory[name].copy() for name in self.layout}
        if not isinstance(frame, DriftFrame):
            return learned
        rows, window = frame.drift_rows, frame.tallies * self._fresh
        counts, squares = self._recent(view, frame)
        told, recent = marks.kept
        run = np.maximum(view.memory[self._run][rows] + np.where(marks.scores >= 1, 1, -THAW), 0)
        settled = run > self._cap
        learned[self._normal][rows[settled]] = recent[settled]
        learned[self._run][rows] = np.where(settled, 0, run)
        # a window that contradicts them beyond doubt ends the counts of a fault at once
        over = (told.excess >= 1) & (told.lean < np.minimum(STILL, 1 - SURE * told.noise))
        learned[self._counts][rows] = np.where(over[:, None], window, counts)
        learned[self._squares][rows] = np.where(over, window.sum(axis=1), squares)
        return learned

    def _recent(self, view: View, frame: DriftFrame) -> tuple[Floats, Floats]:
        counts, squares = (view.memory[name][frame.drift_rows] for name in (self._counts, self._squares))
        return decay(counts, squares, frame.tallies * self._fresh, self._options.half_life)
