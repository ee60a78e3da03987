"""A two-sided CUSUM chart on residuals of the local expectation: small shifts that last.

Each side sums what lies beyond the reference value `k` (Page, Biometrika 1954); best for a shift of 2k spreads. The
limit `h` comes from the average run length by Siegmund's approximation (Sequential Analysis, 1985), and so does the
p-value: one over the run length to where the sum is now, so that 1.0 is the limit.
Residuals count as normal scores (Wallace, Annals of Mathematical Statistics 1959: Student's t to normal), winsorised
so that an outlier alone fills no sum (Hawkins, Journal of Quality Technology 1993). Sums of residuals that follow each
other grow without a shift: they are divided by the series' own long-run spread (Johnson and Bagshaw, Technometrics
1974), known from the differences of neighbours, which a shift leaves alone (von Neumann, Annals of Mathematical
Statistics 1941). After a signal one calm window cuts a sum to half the limit, the head start of Lucas and Crosier
(Technometrics 1982): what is over ends at once, and what is not is soon seen again.
Blind spot: a shift that comes slower than the expectation's history follows.
"""

from dataclasses import replace

import numpy as np
from pydantic import Field

from models.columns import Array
from models.detectors.base import Context, Marks, View, calibrated, inflation_of, reasons_of
from models.detectors.ewma import CAP, TAIL
from models.effects import ChartOptions, Effects
from models.expectation import Expected
from models.frame import Floats
from models.run_length import limit_for, normal_scores, run_length
from models.series import Layout

KIND = "cusum"
#: A signal takes at least so many windows: each counts for no more than this part of the limit.
FEWEST = 3
#: Weight of a window in the mean squares of residuals and of their differences.
LEARNING = 1 / 30
#: Neighbouring residuals are taken to go together no more than this (correlation).
MOST_KINSHIP = 0.8
#: Normal residuals, taken for Student's, look so narrow (ratio of their ninth deciles). No series is taken to be
#: narrower: what makes it so is a floor of the expectation, or a sampling error.
NARROWEST = 0.88


class Options(ChartOptions):
    """Options of kind `cusum`."""

    k: float = Field(0.5, ge=0.1, le=2, description="Reference value, in spreads: half the shift to be found.")


def build(options: Options, context: Context) -> "CusumChart":
    """Build the chart, with the inflation of residuals that training measured."""
    return CusumChart(options, context.artifacts.inflation, context.pipeline.expectation.history // 2)


class CusumChart:
    """Two sums for each series, what they are sums against, and what its long-run spread is known from."""

    def __init__(self, options: Options, inflation: dict[str, float], hold: int) -> None:
        self._options = options
        self._inflation = inflation
        self._effects = Effects(options.effects)
        self._alpha = 1 / options.arl0
        self._hold = hold
        self.limit = limit_for(options.arl0, options.k)
        self._most = self.limit / FEWEST + options.k

    @property
    def layout(self) -> Layout:
        """`up`, `down`: the sums; `age`, `level`, `scale`: windows since they began and the expectation of then.

        `last`, `square`, `turn`: the last residual, and the mean squares of residuals and of their differences.
        """
        plain = ("up", "down", "age", "level", "scale", "last")
        return {self._name(n): (None, 0.0) for n in plain} | {
            self._name("square"): (None, 1.0),
            self._name("turn"): (None, 2.0),
        }

    def score(self, view: View) -> Marks:
        """Judge every row by the sum on the side where the window itself is; rows without an expectation abstain."""
        held = self._reference(view)
        up, down = self._sums(view, held)
        rise, fall = self._effects.harmful(view.frame.by_signal)
        told = np.where(held.z > 0, np.where(rise, up, 0.0), np.where(fall, down, 0.0))
        judged = held.ready & (told > 0)
        p_values = np.where(judged, np.minimum(1.0, 1 / run_length(told, self._options.k)), 1.0)
        scores = calibrated(p_values, self._alpha) * self._effects.share(view.frame, held)
        return Marks(KIND, np.arange(len(told)), scores, p_values, reasons_of(~held.ready, "warming_up"))

    def update(self, view: View, marks: Marks) -> dict[str, Array]:
        """Move the sums; learn from windows that are not strange how far neighbours go together."""
        held = self._reference(view)
        up, down = self._sums(view, held)
        last = np.clip(self._normal(view, held), -self._most, self._most)
        age = np.where((up > 0) | (down > 0), self._of(view, "age") + 1, 0.0)
        columns = {"up": up, "down": down, "age": age, "level": held.level, "scale": held.scale, "last": last}
        learned = {name: np.where(held.ready, column, 0.0) for name, column in columns.items()}
        weight = np.where(held.ready & (marks.scores < 1), LEARNING, 0.0)
        squares = {"square": last**2, "turn": (last - self._of(view, "last")) ** 2}
        for name, now in squares.items():
            learned[name] = self._of(view, name) + weight * (now - self._of(view, name))
        return {self._name(name): column for name, column in learned.items()}

    def _name(self, part: str) -> str:
        return f"cusum/{self._options.k}/{part}"

    def _of(self, view: View, part: str) -> Floats:
        return view.memory[self._name(part)]

    def _reference(self, view: View) -> Expected:
        """The expectation of before the sums began: the present one already gives in to the shift they are to find.

        It is kept for half the expectation's history, which is when the median gives in.
        """
        age, now = self._of(view, "age"), view.expected
        held = now.ready & (age > 0) & (age < self._hold)
        level = np.where(held, self._of(view, "level"), now.level)
        scale = np.where(held, np.maximum(self._of(view, "scale"), view.frame.errors), now.scale)
        return replace(now, level=level, scale=scale, z=(view.frame.values - level) / scale)

    def _sums(self, view: View, held: Expected) -> tuple[Floats, Floats]:
        step = np.clip(self._normal(view, held) / self._width(view), -self._most, self._most)
        return self._next(self._of(view, "up"), step), self._next(self._of(view, "down"), -step)

    def _next(self, before: Floats, step: Floats) -> Floats:
        after = np.clip(before + step - self._options.k, 0.0, CAP * self.limit)
        over = (before >= self.limit) & (step <= self._options.k)
        return np.asarray(np.where(over, np.minimum(after, self.limit / 2), after))

    def _normal(self, view: View, held: Expected) -> Floats:
        """Residuals as normal scores."""
        inflation = inflation_of(view.frame.by_signal, self._inflation)
        return normal_scores(held.z / inflation, TAIL)

    def _width(self, view: View) -> Floats:
        """Long-run spread of the normal scores: s * sqrt((1 + r) / (1 - r)), r the correlation of neighbours."""
        square = np.clip(self._of(view, "square"), NARROWEST**2, 1.0)  # more than 1 is a shift that lasts
        kinship = np.clip(1 - self._of(view, "turn") / (2 * square), 0.0, MOST_KINSHIP)
        return np.asarray(np.sqrt(square * (1 + kinship) / (1 - kinship)))
