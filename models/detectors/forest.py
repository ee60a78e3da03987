"""The pretrained isolation forest on comparable features: residuals of the local expectation, never raw levels.

On raw levels such a forest is in alarm most of the time as soon as a level moves. It sees combinations that no single
chart sees; it is blind to what its training never varied, and it abstains where a quarter of its features is missing.
"""

import numpy as np
from pydantic import Field

from models.artifact import TrainedForest
from models.columns import Array
from models.config import Section
from models.detectors.base import Context, Marks, View, calibrated
from models.forest import contributions
from models.frame import Floats, Ints
from models.scores import Contribution
from models.series import Layout

KIND = "forest"
MOST_MISSING = 0.25
#: Contributions named in a verdict.
NAMED = 5


class Options(Section):
    """Options of kind `forest`."""

    alpha: float = Field(0.001, gt=0, lt=0.5, description="Probability of a false signal per window and subject.")


def build(options: Options, context: Context) -> "ForestDetector":
    """Build it on the artifact `windows/model` or `windows/infra`."""
    return ForestDetector(options, context.artifacts.forests.get(f"windows/{context.stream}"))


class ForestDetector:
    """Scores the subjects of a window in one batch."""

    def __init__(self, options: Options, trained: TrainedForest | None) -> None:
        self._alpha = options.alpha
        self._trained = trained

    @property
    def layout(self) -> Layout:
        """It remembers nothing: it was trained before."""
        return {}

    def update(self, view: View, marks: Marks) -> dict[str, Array]:  # noqa: ARG002
        """Remember nothing."""
        return {}

    def score(self, view: View) -> Marks:
        """Answer one multivariate verdict per subject."""
        subjects, rows = np.unique(np.array(view.frame.subjects, dtype=object).astype(str), return_index=True)
        if self._trained is None:
            return _abstain(rows, ["no_artifact"] * len(rows))
        vectors, missing = comparable(view, subjects.tolist(), self._trained.features)
        reasons = ["features_missing" if share > MOST_MISSING else "" for share in missing]
        good = np.flatnonzero([not reason for reason in reasons])
        p_values = np.ones(len(rows))
        shares: list[list[Contribution]] = [[] for _ in rows]
        if len(good):
            raw = self._trained.forest.score(vectors[good])
            p_values[good] = self._trained.tail.p_value(raw)
            for place, parts in zip(good, self._shares(vectors[good]), strict=True):
                shares[place] = parts
        artifact = f"windows@{self._trained.sha256[:12]}"
        scores = calibrated(p_values, self._alpha)
        return Marks(KIND, rows, scores, p_values, reasons, True, shares, artifact)

    def _shares(self, vectors: Floats) -> list[list[Contribution]]:
        assert self._trained is not None
        parts = contributions(self._trained.forest, vectors, self._trained.neutral)
        return [
            [
                Contribution(self._trained.features[column], float(row[column]))
                for column in np.argsort(-row, kind="stable")[:NAMED]
                if row[column] > 0
            ]
            for row in parts
        ]


def comparable(view: View, subjects: list[str], features: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Answer residual vectors [subjects, features] and the share of each vector that is missing (filled with 0)."""
    column = {name: place for place, name in enumerate(features)}
    line = {subject: place for place, subject in enumerate(subjects)}
    vectors = np.full((len(subjects), len(features)), np.nan)
    for row, (subject, signal) in enumerate(zip(view.frame.subjects, view.frame.signals, strict=True)):
        if signal in column and view.expected.ready[row]:
            vectors[line[subject], column[signal]] = np.clip(view.expected.z[row], -20, 20)
    missing = np.isnan(vectors).mean(axis=1)
    return np.nan_to_num(vectors), missing


def _abstain(rows: Ints, reasons: list[str]) -> Marks:
    return Marks(KIND, rows, np.zeros(len(rows)), np.ones(len(rows)), reasons, True, [[] for _ in rows])
