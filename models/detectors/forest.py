"""The pretrained isolation forest on comparable features: residuals of the local expectation, never raw levels.

On raw levels such a forest is in alarm most of the time as soon as a level moves. It sees combinations that no single
chart sees; it is blind to what its training never varied, and it abstains where a quarter of its features is missing.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from models.artifact import TrainedForest
from models.columns import Array
from models.config import Section
from models.detectors.base import Context, Marks, View, calibrated, reasons_of
from models.forest import contributions
from models.frame import Floats, Ints
from models.name_codes import Names
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
    trained = context.artifacts.forests.get(f"windows/{context.stream}")
    # contributions of a verdict are read where it is strange, and where its line is written
    return ForestDetector(options, trained, min(1.0, context.pipeline.outputs.score_floor))


class ForestDetector:
    """Scores the subjects of a window in one batch."""

    def __init__(self, options: Options, trained: TrainedForest | None, floor: float) -> None:
        self._alpha = options.alpha
        self._trained = trained
        self._floor = floor  # scores from which on a verdict is explained

    @property
    def layout(self) -> Layout:
        """It remembers nothing: it was trained before."""
        return {}

    def update(self, view: View, marks: Marks) -> dict[str, Array]:  # noqa: ARG002
        """Remember nothing."""
        return {}

    def score(self, view: View) -> Marks:
        """Answer one multivariate verdict per subject."""
        subjects, rows = view.frame.by_subject.names, view.frame.firsts
        if self._trained is None:
            return _abstain(rows, ["no_artifact"] * len(rows))
        vectors, missing = comparable(view, subjects, self._trained.features)
        lacking = missing > MOST_MISSING
        good = np.flatnonzero(~lacking)
        p_values = np.ones(len(rows))
        shares: list[list[Contribution]] = [[] for _ in rows]
        if len(good):
            raw = self._trained.forest.score(vectors[good])
            p_values[good] = self._trained.tail.p_value(raw)
        scores = calibrated(p_values, self._alpha)
        told = good[scores[good] >= self._floor]
        for place, parts in zip(told.tolist(), self._shares(vectors[told]), strict=True):
            shares[place] = parts
        artifact, reasons = f"windows@{self._trained.sha256[:12]}", reasons_of(lacking, "features_missing")
        return Marks(KIND, rows, scores, p_values, reasons, True, shares, artifact)

    def _shares(self, vectors: Floats) -> list[list[Contribution]]:
        if not len(vectors):
            return []
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
    frame = view.frame
    columns = _places(frame.by_signal, features)
    lines = _places(frame.by_subject, subjects)
    rows = np.flatnonzero((columns >= 0) & view.expected.ready)
    vectors = np.full((len(subjects), len(features)), np.nan)
    vectors[lines[rows], columns[rows]] = np.clip(view.expected.z[rows], -20, 20)
    missing = np.isnan(vectors).mean(axis=1)
    return np.nan_to_num(vectors), missing


def _places(column: Names, wanted: Sequence[str]) -> Ints:
    """Answer the place of each row's name among the wanted ones [rows], -1 where it is not wanted."""
    place = {name: at for at, name in enumerate(wanted)}
    return np.array([place.get(name, -1) for name in column.names], np.int64)[column.codes]


def _abstain(rows: Ints, reasons: list[str]) -> Marks:
    return Marks(KIND, rows, np.zeros(len(rows)), np.ones(len(rows)), reasons, True, [[] for _ in rows])
