"""An EWMA control chart on residuals of the local expectation, with a Shewhart limit beside it.

The chart follows small lasting shifts, the limit catches large sudden ones (Lucas and Saccucci, Technometrics 1990).
Residuals have heavier tails than the normal, so p-values come from Student's t. A score counts fully only where the
change is large enough to matter (`effects`): a chart on a very steady signal otherwise alarms at trifles.
Blind spot: a drift slower than the expectation's history.
"""

from fnmatch import fnmatch
from functools import lru_cache

import numpy as np
from pydantic import Field
from scipy.special import stdtr, stdtrit

from models.columns import Array
from models.config import Section
from models.detectors.base import Context, Marks, View, calibrated
from models.frame import Floats
from models.scores import Direction
from models.series import Layout

KIND = "ewma"
#: Degrees of freedom of the residuals' tail.
TAIL = 8
#: The chart never remembers more than this multiple of its limit, so that it comes back soon after a fault.
CAP = 1.5


class Effect(Section):
    """The smallest change of a signal that matters: the larger of the two, in a direction that does harm."""

    signal: str = Field(description="Signal name, `*` matches.")
    direction: Direction = Field("either", description="Which change does harm: `up`, `down` or `either`.")
    relative: float = Field(0.0, ge=0, description="As a share of the expectation.")
    absolute: float = Field(0.0, ge=0, description="In the signal's unit.")


DEFAULT_EFFECTS = [
    Effect(signal="error_rate", direction="up", absolute=0.03),
    Effect(signal="latency_ms.*", direction="up", relative=0.3, absolute=1.0),
    Effect(signal="confidence.*", absolute=0.04),
    Effect(signal="class.entropy", absolute=0.25),
    Effect(signal="class.*", absolute=0.15),
    Effect(signal="inputs.outlier_share", direction="up", absolute=0.1),
    Effect(signal="feature.*.missing_rate", direction="up", absolute=0.05),
    Effect(signal="feature.*", relative=0.3),
    Effect(signal="rate", relative=0.5),
    Effect(signal="*.utilization", absolute=0.1),
    Effect(signal="*", relative=0.25),
]


class Options(Section):
    """Options of kind `ewma`."""

    weight: float = Field(0.3, gt=0, le=1, description="Weight of the newest window (lambda of the chart).")
    arl0: float = Field(
        5000, gt=10, description="Windows between two false signals of one series, on average: alpha is 1 / arl0."
    )
    effects: list[Effect] = Field(DEFAULT_EFFECTS, description="Smallest changes that matter; the first match counts.")


def build(options: Options, context: Context) -> "EwmaChart":
    """Build the chart, with the inflation of residuals that training measured."""
    return EwmaChart(options, context.artifacts.inflation)


class EwmaChart:
    """One chart for every series, in two vectors: the average, and whether it has begun."""

    def __init__(self, options: Options, inflation: dict[str, float]) -> None:
        self._options = options
        self._inflation = inflation
        self._alpha = 1 / options.arl0
        self._sigma = float(np.sqrt(options.weight / (2 - options.weight)))
        self.limit = float(-stdtrit(TAIL, self._alpha / 4))  # two sides, two charts
        self._column = f"ewma/{options.weight}"

    @property
    def layout(self) -> Layout:
        """The running average of each series."""
        return {self._column: (None, 0.0)}

    def score(self, view: View) -> Marks:
        """Judge every row; rows without an expectation abstain.

        The average counts only on the side where the window itself is: what a fault left in it is no new evidence.
        """
        z = self._residuals(view)
        average = self._average(view, z) * np.sign(z) / self._sigma
        p_values = np.minimum(1.0, 4 * stdtr(TAIL, -np.maximum(np.abs(z), average)))
        ready = view.expected.ready
        p_values = np.where(ready, p_values, 1.0)
        scores = calibrated(p_values, self._alpha) * self._matter(view)
        reasons = ["" if good else "warming_up" for good in ready]
        return Marks(KIND, np.arange(len(z)), scores, p_values, reasons)

    def update(self, view: View, marks: Marks) -> dict[str, Array]:  # noqa: ARG002
        """Move the averages."""
        cap = CAP * self.limit * self._sigma
        average = np.clip(self._average(view, self._residuals(view)), -cap, cap)
        return {self._column: np.where(view.expected.ready, average, 0.0)}

    def _residuals(self, view: View) -> Floats:
        """Residuals on the scale of the t distribution; a change that does no harm counts as none."""
        inflation = np.array([self._inflation.get(signal, 1.0) for signal in view.frame.signals])
        directions = [self._effect(signal).direction for signal in view.frame.signals]
        lowest = np.array([0.0 if direction == "up" else -100.0 for direction in directions])
        highest = np.array([0.0 if direction == "down" else 100.0 for direction in directions])
        return np.asarray(np.clip(view.expected.z / inflation, lowest, highest))

    def _average(self, view: View, z: Floats) -> Floats:
        before = view.memory[self._column]
        return np.asarray(before + self._options.weight * (z - before))

    def _matter(self, view: View) -> Floats:
        """How much of the smallest effect that matters is there now, 0..1."""
        effects = [self._effect(signal) for signal in view.frame.signals]
        level = np.abs(view.expected.level)
        floor = np.array([e.relative for e in effects]) * level
        floor = np.maximum(floor, np.array([e.absolute for e in effects]))
        change = np.abs(view.frame.values - view.expected.level)
        return np.asarray(np.minimum(1.0, change / np.maximum(floor, 1e-12)))

    @lru_cache(maxsize=4096)  # noqa: B019  (a detector lives as long as its operator)
    def _effect(self, signal: str) -> Effect:
        matches = (effect for effect in self._options.effects if fnmatch(signal, effect.signal))
        return next(matches, Effect(signal="*"))
