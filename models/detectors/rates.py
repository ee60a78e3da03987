"""A Shewhart chart of shares and rates with their sampling error: what many requests prove, few do not.

A share of n requests is judged by the binomial's exact tail, a rate by the Poisson's. Where a series varies more than
its sampling error, counts are divided by the design effect, the ratio of the two variances, before the tail is taken
(Rao and Scott, Biometrics 1992; for counts, quasi-Poisson: McCullagh and Nelder, Generalized Linear Models, 1989).
The expectation is a median, at most ln 2 counts from the mean (Hamza, Statistics and Probability Letters 1995): it is
moved so far towards the window, so that a median of no errors does not mean that errors cannot be.
Blind spot: changes smaller than a window's sampling error, however long they last.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, gammainc, gammaincc

from models.columns import Array
from models.detectors.base import Context, Marks, View, calibrated, reasons_of
from models.effects import ChartOptions, Effects
from models.frame import Floats, Ints
from models.series import Layout
from models.symptoms import matches

KIND = "rates"
RATE = "rate"
SHARES = ("error_rate", "inputs.*_share", "class.*share", "feature.*.missing_rate")
USUAL = "rates/usual"
#: Weight of a window in the usual number of requests.
LEARNING = 1 / 30
#: A median varies by this more than a mean of as many normal values (ratio of variances).
MEDIAN_COST = np.pi / 2
#: No model of counts is trusted to tell rarer things apart.
RAREST = 1e-12
MOST_COUNTS = 1e15


class Options(ChartOptions):
    """Options of kind `rates`."""


def build(options: Options, context: Context) -> "RatesChart":
    """Build the chart; it needs no training."""
    return RatesChart(options, context.pipeline.windows.size / 1000, context.pipeline.expectation.warm_up)


@dataclass(frozen=True)
class Tails:
    """Probabilities [k] of a value so high or higher, and of one so low or lower."""

    above: Floats
    below: Floats


class RatesChart:
    """Remembers how many records usually stand behind each series."""

    def __init__(self, options: Options, window_s: float, known: int) -> None:
        self._alpha = 1 / options.arl0
        self._effects = Effects(options.effects)
        self._window_s = window_s
        #: windows that an expectation rests on at least
        self._known = known
        self._is_share: dict[str, bool] = {}

    @property
    def layout(self) -> Layout:
        """The usual number of records of each series."""
        return {USUAL: (None, 0.0)}

    def update(self, view: View, marks: Marks) -> dict[str, Array]:  # noqa: ARG002
        """Move the usual numbers."""
        usual = self._usual(view)
        return {USUAL: usual + LEARNING * (view.frame.counts - usual)}

    def score(self, view: View) -> Marks:
        """Judge every share and every rate; those without an expectation, or without requests, abstain."""
        signals, counts = view.frame.by_signal, view.frame.counts
        is_share = np.array([self._share_of_requests(signal) for signal in signals.names], bool)
        is_rate = np.array([signal == RATE for signal in signals.names], bool)
        shares, rates = np.flatnonzero(is_share[signals.codes]), np.flatnonzero(is_rate[signals.codes])
        rows = np.concatenate([shares, rates])
        by_kind = [self._binomial(view, shares), self._poisson(view, rates)]
        above, below = (np.concatenate([getattr(tails, side) for tails in by_kind]) for side in ("above", "below"))
        rise, fall = (side[rows] for side in self._effects.harmful(signals))
        tail = np.minimum(np.where(rise, above, 1.0), np.where(fall, below, 1.0))
        p_values = np.clip(np.where(rise & fall, 2 * tail, tail), RAREST, 1.0)
        ready, empty = view.expected.ready[rows], counts[rows] <= 0
        reasons = reasons_of(~ready, "warming_up")
        for place in np.flatnonzero(ready & empty):
            reasons[place] = "no_requests"
        p_values = np.where(ready & ~empty, p_values, 1.0)
        matter = self._effects.share(view.frame, view.expected)[rows]
        return Marks(KIND, rows, calibrated(p_values, self._alpha) * matter, p_values, reasons)

    def _binomial(self, view: View, rows: Ints) -> Tails:
        n = np.maximum(view.frame.counts[rows], 1).astype(np.float64)
        usual = np.maximum(self._usual(view)[rows], 1.0)
        level, value = (np.clip(part[rows], 0.0, 1.0) for part in (view.expected.level, view.frame.values))
        middle = (level * usual + np.log(2)) / (usual + 2 * np.log(2))
        effect = np.maximum(1.0, view.expected.spread[rows] ** 2 * usual / (middle * (1 - middle)))
        n = n / (effect * (1 + MEDIAN_COST * n / (usual * self._known)))
        high, low = np.minimum(level + np.log(2) / usual, 1.0), np.maximum(level - np.log(2) / usual, 0.0)
        hits, misses = n * value, n * (1 - value)
        above = np.where(hits > 0, betainc(np.maximum(hits, 1e-9), misses + 1, high), 1.0)
        below = np.where(misses > 0, betainc(np.maximum(misses, 1e-9), hits + 1, 1 - low), 1.0)
        return Tails(above, below)

    def _poisson(self, view: View, rows: Ints) -> Tails:
        level, value = (
            np.clip(part[rows] * self._window_s, 0.0, MOST_COUNTS) for part in (view.expected.level, view.frame.values)
        )
        spread = view.expected.spread[rows] * self._window_s
        effect = np.maximum(1.0, spread**2 / (level + np.log(2))) * (1 + MEDIAN_COST / self._known)
        high, low = (level + np.log(2)) / effect, np.maximum(level - np.log(2), 0.0) / effect
        hits = value / effect
        above = np.where(hits > 0, gammainc(np.maximum(hits, 1e-9), high), 1.0)
        return Tails(above, gammaincc(hits + 1, low))

    def _usual(self, view: View) -> Floats:
        return np.where(view.memory[USUAL] > 0, view.memory[USUAL], view.frame.counts)

    def _share_of_requests(self, signal: str) -> bool:
        if signal not in self._is_share:
            self._is_share[signal] = matches(signal, SHARES)
        return self._is_share[signal]
