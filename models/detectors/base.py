"""The interface of a detector: `score` a window first, then `update` what is remembered. Higher is stranger.

Scores are on one scale: `score` = ln p / ln alpha, so 1.0 is the threshold whatever the detector.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from models.artifact import Artifacts
from models.columns import Array
from models.config import Pipeline
from models.expectation import Expected
from models.frame import Floats, Frame, Ints
from models.name_codes import Names
from models.scores import Contribution, Stream
from models.series import Layout

SMALLEST_P = 1e-300


@dataclass(frozen=True)
class Context:
    """What a detector is built from."""

    pipeline: Pipeline
    stream: Stream
    artifacts: Artifacts


@dataclass(frozen=True)
class View:
    """One window, as a detector sees it: the frame, its expectation, and the detector's memory of the same rows.

    `returned` marks the rows [rows] whose series was absent from the window before.
    """

    frame: Frame
    expected: Expected
    memory: Mapping[str, Array]
    returned: Array | bool = False


@dataclass(frozen=True)
class Marks:
    """Verdicts: `rows` are frame rows; a multivariate verdict names the first row of its subject.

    `reasons` is empty where the verdict is good, else why the detector abstains (score 0, p 1). `kept`: what the
    detector worked out and `update` needs again.
    """

    detector: str
    rows: Ints
    scores: Floats
    p_values: Floats
    reasons: list[str]
    multivariate: bool = False
    contributions: list[list[Contribution]] = field(default_factory=list)
    artifact: str | None = None
    kept: Any = field(default=None, compare=False)

    @cached_property
    def good(self) -> Array:
        """Which verdicts are no abstentions [verdicts] bool."""
        if not any(self.reasons):
            return np.ones(len(self.reasons), bool)
        return np.array([not reason for reason in self.reasons], bool)


class Detector(Protocol):
    """A detector of one kind, for one stream."""

    @property
    def layout(self) -> Layout:
        """The columns that it remembers of each series, named by what computes them."""

    def score(self, view: View) -> Marks:
        """Judge a window, from what was known before it."""

    def update(self, view: View, marks: Marks) -> dict[str, Array]:
        """Answer its memory after the window."""


class Kind(Protocol):
    """A module of this package: the options of a kind, and how a detector is built from them."""

    KIND: str
    Options: type[Any]

    def build(self, options: Any, context: Context) -> Detector:
        """Build the detector."""


def inflation_of(signals: Names, inflation: Mapping[str, float]) -> Floats:
    """Answer by how much training found each signal's residuals wider than promised [rows]; 1 where it says nothing."""
    return np.array([inflation.get(signal, 1.0) for signal in signals.names], np.float64)[signals.codes]


def reasons_of(abstaining: Array, reason: str) -> list[str]:
    """Answer the reasons of verdicts [verdicts] of which some abstain, all for one reason."""
    if not abstaining.any():
        return [""] * len(abstaining)
    return [reason if one else "" for one in abstaining.tolist()]


def calibrated(p_values: Floats, alpha: float) -> Floats:
    """Put p-values on the common scale: 1.0 at `alpha`."""
    return np.asarray(np.log(np.maximum(p_values, SMALLEST_P)) / np.log(alpha)) + 0.0
