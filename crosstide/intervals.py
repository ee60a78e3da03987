"""Proportions, medians and rates with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import gammaincinv

#: Two-sided 95 % quantile of the normal distribution.
Z_95 = 1.959963984540054
#: Resamples of a bootstrap; its ends then move by less than the data's own grain.
RESAMPLES = 2000


def wilson(hits: int, n: int, z: float = Z_95) -> tuple[float, float] | None:
    """Return the Wilson score interval of `hits` out of `n`, or None where nothing was counted.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Raises ValueError when `hits` is not in 0..n.

    >>> low, high = wilson(3, 3)
    >>> round(low, 3), round(high, 3)
    (0.439, 1.0)
    """
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} is not a proportion")
    if n == 0:
        return None
    share, z2 = hits / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def garwood(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a Poisson count.

    Source: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
    Raises ValueError for a negative count.

    >>> low, high = garwood(0)
    >>> low, round(high, 3)
    (0.0, 3.689)
    """
    if count < 0:
        raise ValueError(f"{count} is not a count")
    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low, float(gammaincinv(count + 1, 0.975))


def bootstrap_median(values: Sequence[float], seed: int = 0) -> tuple[float, float] | None:
    """Return the 95 % percentile bootstrap interval of the median, or None for fewer than two values.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979).
    """
    if len(values) < 2:
        return None
    rows = np.random.default_rng(seed).integers(0, len(values), size=(RESAMPLES, len(values)))
    medians = np.median(np.asarray(values, dtype=np.float64)[rows], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class Proportion:
    """`hits` out of `n`; a share of nothing is unknown, not zero."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share, 0..1."""
        return self.hits / self.n if self.n else None

    def to_json(self) -> dict[str, float | int | list[float] | None]:
        """Write hits, n, share and the 95 % Wilson interval."""
        interval = wilson(self.hits, self.n)
        return {
            "hits": self.hits,
            "n": self.n,
            "value": self.value,
            "wilson95": None if interval is None else list(interval),
        }

    def __str__(self) -> str:
        interval = wilson(self.hits, self.n)
        if interval is None or self.value is None:
            return "0/0 (unknown)"
        return f"{self.hits}/{self.n} = {self.value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"
