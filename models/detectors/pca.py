"""Streaming PCA of a subject's signals: Hotelling's T2 and SPE of the residuals of the local expectation.

Sees signals that leave their usual relation while each stays in its own band. A signal's residual is cut at `BOUND`,
so one glitch does not own the covariance, and what a single signal does alone is left to its own chart. Contributions
explain a verdict; they smear over related signals, so a cause is better looked for among the charts of single signals
(Van den Kerkhof et al., Chemical Engineering Science 2013). A missing signal is left out, not guessed: the covariance
of the present ones is decomposed. The freeze lasts until the expectation has learned a level that moved for good.
Drift signals are left to their own detector: they rest at 0. Blind spot: a relation that changes more slowly than
`memory`.
"""

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from models.columns import Array
from models.config import Section
from models.detectors.base import Context, Marks, View, calibrated, inflation_of
from models.drift_frame import is_drift
from models.frame import Floats, Frame, Ints
from models.scores import Contribution
from models.series import Layout, SeriesTable
from models.streaming_pca_limits import combined
from models.streaming_pca_model import BOUND, FEWEST, StreamingPca
from models.streaming_pca_state import Keeper, Note

KIND = "pca"
#: Contributions named in a verdict.
NAMED = 5
#: Under this share of the usual requests there is no verdict, for the reason `FEW`.
FEWER, FEW = 0.5, "too_few_records"
Verdict = tuple[float, str, list[Contribution]]


class Options(Section):
    """Options of kind `pca`."""

    alpha: float = Field(0.001, gt=0, lt=0.5, description="Probability of a false signal per window and subject.")
    retained: float = Field(
        0.9, gt=0, lt=1, description="Share of the variance that the retained components carry at least."
    )
    memory: int = Field(
        200,
        ge=150,
        le=100_000,
        description="Windows that the covariance remembers: the newest weighs 2 / (memory + 1).",
    )
    every: int = Field(10, ge=1, description="Learned windows between two decompositions of the covariance.")
    max_signals: int = Field(
        32, ge=3, le=48, description="Signals watched per subject: the first by name, those of features last."
    )


def build(options: Options, context: Context) -> "PcaDetector":
    """Build it, with the inflation of residuals that training measured."""
    expectation = context.pipeline.expectation
    cap = expectation.freeze_cap + expectation.history
    model = StreamingPca(options.retained, options.memory, options.every, cap)
    return PcaDetector(model, Keeper(options.max_signals, options.memory), options.alpha, context.artifacts.inflation)


class PcaDetector:
    """One model of the relations of its signals for every subject."""

    def __init__(self, model: StreamingPca, keeper: Keeper, alpha: float, inflation: dict[str, float]) -> None:
        self._model = model
        self._keeper = keeper
        self._alpha = alpha
        self._inflation = inflation

    @property
    def layout(self) -> Layout:
        """Covariance, components, and counts of each series."""
        return self._keeper.layout

    def notes(self, table: SeriesTable) -> dict[str, Note]:
        """Answer what each subject's basis is and what last changed it."""
        return self._keeper.notes(table)

    def score(self, view: View) -> Marks:
        """Answer one multivariate verdict per subject."""
        z, firsts, verdicts = self._residuals(view), [], []
        for first, present, rows in _subjects(view):
            firsts.append(first)
            verdicts.append(self._verdict(view, z, present, rows))
        p_values = np.array([p_value for p_value, _, _ in verdicts])
        reasons, shares = [reason for _, reason, _ in verdicts], [parts for _, _, parts in verdicts]
        scores = calibrated(p_values, self._alpha)
        return Marks(KIND, np.array(firsts, np.int64), scores, p_values, reasons, True, shares)

    def update(self, view: View, marks: Marks) -> dict[str, Array]:
        """Learn the windows of the subjects that are not strange."""
        z = self._residuals(view)
        columns = {name: view.memory[name].copy() for name in self.layout}
        for (_, _, rows), score, reason in zip(_subjects(view), marks.scores, marks.reasons, strict=True):
            if len(rows) and reason != FEW:
                part = self._keeper.recall(view.memory, rows)
                self._keeper.file(columns, self._model.learn(part, z[part.rows], bool(score >= 1)))
        return columns

    def _residuals(self, view: View) -> Floats:
        inflation = inflation_of(view.frame.by_signal, self._inflation)
        return np.asarray(np.clip(view.expected.z / inflation, -BOUND, BOUND))

    def _verdict(self, view: View, z: Floats, present: int, rows: Ints) -> Verdict:
        if present < FEWEST:
            return 1.0, "too_few_signals", []
        if _fewer_than_usual(view, rows):
            return 1.0, FEW, []
        part = self._keeper.recall(view.memory, rows) if len(rows) >= FEWEST else None
        told = self._model.measure(part, z[part.rows]) if part else None
        if part is None or told is None:
            return 1.0, "warming_up", []
        parts = told.reading.t2_parts if told.by_t2 < told.by_spe else told.reading.spe_parts
        return combined(told.by_t2, told.by_spe), "", _shares(view.frame, part.rows[told.used], parts)


def _subjects(view: View) -> Iterator[tuple[int, int, Ints]]:
    """Answer for each subject, by name: its first row, how many rows it has, and those with an expectation.

    The latter are in order of preference, should there be more than slots.
    """
    frame, ready = view.frame, view.expected.ready.tolist()
    by_subject: dict[str, list[int]] = {}
    for row, subject in enumerate(frame.subjects):
        by_subject.setdefault(subject, []).append(row)
    for _, rows in sorted(by_subject.items()):
        good = [row for row in rows if ready[row] and not is_drift(frame.signals[row])]
        good.sort(key=lambda row: (frame.signals[row].startswith("feature."), frame.signals[row]))
        yield rows[0], len(rows), np.array(good, np.int64)


def _fewer_than_usual(view: View, rows: Ints) -> bool:
    """Tell whether so few requests came that the other statistics go together as never before (a quiet night)."""
    rate = next((row for row in rows if view.frame.signals[row] == "rate"), None)
    return rate is not None and bool(view.frame.values[rate] < FEWER * view.expected.level[rate])


def _shares(frame: Frame, rows: Ints, parts: Floats) -> list[Contribution]:
    positive = np.maximum(parts, 0.0)
    total = float(positive.sum())
    order = np.argsort(-positive, kind="stable")[:NAMED]
    return [Contribution(frame.signals[rows[at]], float(positive[at] / total)) for at in order if positive[at] > 0]
