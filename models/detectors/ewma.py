"""An EWMA control chart on residuals of the local expectation, with a Shewhart limit beside it.

The chart follows small lasting shifts, the limit catches large sudden ones (Lucas and Saccucci, Technometrics 1990).
Residuals have heavier tails than the normal, so p-values come from Student's t. A score counts fully only where the
change is large enough to matter (`models/effects.py`).
Blind spot: a drift slower than the expectation's history.
"""

import numpy as np
from pydantic import Field
from scipy.special import stdtr, stdtrit

from models.columns import Array
from models.detectors.base import Context, Marks, View, calibrated, inflation_of, reasons_of
from models.effects import ChartOptions, Effects
from models.frame import Floats
from models.series import Layout

KIND = "ewma"
#: Degrees of freedom of the residuals' tail.
TAIL = 8
#: The chart never remembers more than this multiple of its limit, so that it comes back soon after a fault.
CAP = 1.5
#: Residuals beyond so many spreads say no more.
FAR = 100.0


class Options(ChartOptions):
    """Options of kind `ewma`."""

    weight: float = Field(0.3, gt=0, le=1, description="Weight of the newest window (lambda of the chart).")


def build(options: Options, context: Context) -> "EwmaChart":
    """Build the chart, with the inflation of residuals that training measured."""
    return EwmaChart(options, context.artifacts.inflation)


class EwmaChart:
    """One chart for every series: a running average of its residuals."""

    def __init__(self, options: Options, inflation: dict[str, float]) -> None:
        self._weight = options.weight
        self._effects = Effects(options.effects)
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
        scores = calibrated(p_values, self._alpha) * self._effects.share(view.frame, view.expected)
        return Marks(KIND, np.arange(len(z)), scores, p_values, reasons_of(~ready, "warming_up"), kept=z)

    def update(self, view: View, marks: Marks) -> dict[str, Array]:
        """Move the averages."""
        cap = CAP * self.limit * self._sigma
        average = np.clip(self._average(view, marks.kept), -cap, cap)
        return {self._column: np.where(view.expected.ready, average, 0.0)}

    def _residuals(self, view: View) -> Floats:
        """Residuals on the scale of the t distribution; a change that does no harm counts as none."""
        signals = view.frame.by_signal
        inflation = inflation_of(signals, self._inflation)
        return self._effects.clipped(signals, np.clip(view.expected.z / inflation, -FAR, FAR))

    def _average(self, view: View, z: Floats) -> Floats:
        before = view.memory[self._column]
        return np.asarray(before + self._weight * (z - before))
