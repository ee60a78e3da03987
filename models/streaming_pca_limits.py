"""From T2 and SPE to one p-value: F limits, and Box's limits from moments that are tracked on calm windows.

T2 of a new window on j components, estimated from n windows, is j(n^2-1)/(n(n-j)) times F with j and n-j degrees of
freedom (Hotelling; SAS/QC, MVPMONITOR). SPE is about g times chi-square with h degrees, fitted by its mean and variance
(Box, Annals of Mathematical Statistics 1954; Nomikos and MacGregor, Technometrics 1995). That needs no third moment and
has no exponent that could fall below zero, as h0 of Jackson and Mudholkar's limit does. A variance larger than normal
signals give is a heavy tail, which chi-square lacks: the same two moments also fit an F, and the weaker limit counts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc, fdtrc

from models.streaming_pca import FLOOR, Reading

#: Calm windows that theory counts for, beside those tracked.
PRIOR = 10


@dataclass(frozen=True)
class Moments:
    """Tracked mean and variance of a statistic divided by its expectation, so that they outlive a basis."""

    mean: float
    variance: float

    def moved(self, ratio: float, weight: float) -> "Moments":
        """Take in one calm window."""
        off = ratio - self.mean
        return Moments(self.mean + weight * off, (1 - weight) * (self.variance + weight * off**2))


def ratios(reading: Reading) -> tuple[float, float]:
    """T2 and SPE, each divided by its expectation."""
    return reading.t2 / reading.dims[0], reading.spe / reading.basis.rest


def theory(reading: Reading) -> tuple[Moments, Moments]:
    """Answer the moments of both ratios if the signals were normal and the basis exact."""
    basis = reading.basis
    return Moments(1.0, 2 / reading.dims[0]), Moments(1.0, 2 * basis.rest_squared / basis.rest**2)


def t2_p_value(reading: Reading, moments: Moments, effective: float, tracked: float) -> float:
    """P-value of T2: basis from `effective` windows, moments from `tracked`; the weaker of the limits."""
    retained = reading.dims[0]
    if effective <= retained + 1:
        return 1.0
    factor = retained * (effective**2 - 1) / (effective * (effective - retained))
    by_f = _unit(fdtrc(retained, effective - retained, reading.t2 / factor))
    mean, variance = max(moments.mean * retained, FLOOR), moments.variance * retained**2
    by_box = box_p_value(reading.t2, mean, variance, retained)
    return max(by_f, by_box, tail_p_value(reading.t2, mean, variance, retained, tracked))


def spe_p_value(reading: Reading, moments: Moments, tracked: float) -> float:
    """P-value of SPE, moments from `tracked` windows; its mean is at least `FLOOR` for each direction left."""
    basis, dims = reading.basis, reading.dims[1]
    mean, variance = max(moments.mean * basis.rest, FLOOR * dims), moments.variance * basis.rest**2
    by_box = box_p_value(reading.spe, mean, variance, dims)
    return max(by_box, tail_p_value(reading.spe, mean, variance, basis.rest**2 / basis.rest_squared, tracked))


def box_p_value(value: float, mean: float, variance: float, dims: int) -> float:
    """P-value of a positive quadratic form with this mean (> 0) and variance, in `dims` dimensions: g chi-square of h.

    h = 2 mean^2 / variance is at most `dims` (Cauchy-Schwarz): a smaller variance is an accident of few windows.
    """
    variance = max(variance, 2 * mean**2 / dims)
    return _unit(chdtrc(2 * mean**2 / variance, value * 2 * mean / variance))


def tail_p_value(value: float, mean: float, variance: float, degrees: float, windows: float) -> float:
    """P-value by an F of `degrees` and v degrees of freedom, scaled to the mean, v from the variance.

    It is exact for the square of a Student variable. v is at most `windows`: a mean of few windows is itself uncertain.
    """
    spread = degrees * variance / mean**2
    heavy = (4 * spread + 2 * degrees - 4) / (spread - 2) if spread > 2 else np.inf
    other = min(heavy, windows)
    return _unit(fdtrc(degrees, other, value / mean * other / (other - 2)))


def combined(first: float, second: float) -> float:
    """One p-value of two, whatever their dependence (Bonferroni)."""
    return min(1.0, 2 * min(first, second))


def _unit(p_value: Any) -> float:
    return float(np.clip(p_value, 0.0, 1.0))
