"""Mergeable histograms on fixed bins: integer counts, so that merging is exact and any order gives the same result.

Positive values (latencies) fall into logarithmic bins of relative width 2 % (quantiles within 1 %: Masson et al.,
DDSketch, VLDB 2019); shares of 0..1 (confidences) into 256 equal bins.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LOG_GAMMA = float(np.log(1.02))
SMALLEST = 1e-6
LINEAR_BINS = 256


def log_bins(values: Floats) -> Ints:
    """Bin of each value >= 0; everything up to 1e-6 shares bin 0."""
    bins: Ints = np.ceil(np.log(np.maximum(values, SMALLEST) / SMALLEST) / LOG_GAMMA).astype(np.int64)
    return bins


def log_centres(bins: Ints) -> Floats:
    """A value for each logarithmic bin, at most 1 % from everything in it."""
    return np.asarray(SMALLEST * np.exp(LOG_GAMMA * (bins - 0.5)))


def linear_bins(values: Floats) -> Ints:
    """Bin of each value in 0..1; values outside go to the outermost bin."""
    bins: Ints = np.clip(np.floor(values * LINEAR_BINS), 0, LINEAR_BINS - 1).astype(np.int64)
    return bins


def linear_centres(bins: Ints) -> Floats:
    """The middle of each linear bin."""
    return np.asarray((bins + 0.5) / LINEAR_BINS)


def count_cells(rows: Ints, bins: Ints, counts: Ints | None = None) -> Ints:
    """Sum counts per (row, bin): sorted int64 [cells, 3] of row, bin, count. To merge, concatenate and call again."""
    if not len(rows):
        return np.zeros((0, 3), np.int64)
    key = rows << 32 | bins
    unique, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, counts).astype(np.int64)  # as float64, exact up to 2^53
    return np.stack([unique >> 32, unique & 0xFFFFFFFF, total], axis=1)


def quantile(cells: Ints, rows: int, q: float) -> Ints:
    """Bin that holds quantile `q` (nearest rank) of each row, -1 where a row is empty; cells as `count_cells` gives."""
    answer = np.full(rows, -1, np.int64)
    if not len(cells):
        return answer
    cumulated = np.cumsum(cells[:, 2])
    totals = np.bincount(cells[:, 0], weights=cells[:, 2], minlength=rows).astype(np.int64)
    before = np.cumsum(totals) - totals
    rank = before + np.maximum(np.ceil(q * totals).astype(np.int64), 1)
    present = totals > 0
    answer[present] = cells[np.searchsorted(cumulated, rank[present]), 1]
    return answer
