"""Counts of the last windows, older ones weighing less: small windows add up to a sample that can be judged."""

import numpy as np

from models.frame import Floats

#: Windows after which a record counts half.
HALF_LIFE = 3.0
#: Records below which a distribution is not judged: five expected in each of ten bins (Cochran, Biometrics 1954).
LEAST = 50


def decay(counts: Floats, squares: Floats, window: Floats, half_life: float) -> tuple[Floats, Floats]:
    """Age counts [rows, bins] and sums of squared weights [rows] by one window, then add the window's counts."""
    keep = 0.5 ** (1 / half_life)
    return counts * keep + window, squares * keep**2 + window.sum(axis=1)


def effective(counts: Floats, squares: Floats) -> Floats:
    """Scale weighted counts to the number of records that would know as much: (sum w)^2 / sum w^2 (Kish 1965)."""
    total = counts.sum(axis=1)
    size = total**2 / np.maximum(squares, 1e-12)
    return np.asarray(counts * (size / np.maximum(total, 1e-12))[:, None])
