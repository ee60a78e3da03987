"""Principal components of a stream: an exponentially weighted mean and covariance, decomposed now and then.

Exact and deterministic, without a learning rate: for tens of signals this costs less than the incremental methods that
spare the covariance (Cardot and Degras, International Statistical Review 2018, compare them). Pure mathematics:
p signals, j retained components, n the effective sample size.
"""

from dataclasses import dataclass

import numpy as np

from models.frame import Floats

#: Smallest variance of a direction, in squared spreads: none is trusted to be steadier than a fifth of a spread, so
#: that constant and collinear signals (a rank-deficient covariance) do not alarm at trifles.
FLOOR = 0.04


@dataclass(frozen=True)
class Basis:
    """Retained components: `vectors` [p, j] with their variances `values` [j] (at least `FLOOR`), largest first.

    `rest` and `rest_squared` are the sum and the sum of squares of the other p - j variances (theta 1 and 2 of Jackson
    and Mudholkar, Technometrics 1979).
    """

    vectors: Floats
    values: Floats
    rest: float
    rest_squared: float


@dataclass(frozen=True)
class Reading:
    """One window against a basis: T2, SPE, and each signal's part [p] of either; the parts sum to their statistic.

    T2 is the distance inside the retained subspace, in variances; SPE (Q) the squared distance from it, in squared
    spreads. A part of T2 may be negative.
    """

    t2: float
    spe: float
    t2_parts: Floats
    spe_parts: Floats
    basis: Basis

    @property
    def dims(self) -> tuple[int, int]:
        """Dimensions of the retained subspace, and of what is left of it."""
        signals, retained = self.basis.vectors.shape
        return retained, signals - retained


def learned(mean: Floats, cov: Floats, z: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Move mean [p] and covariance [p, p] by a window z [p] that counts with weights [p] in 0..1.

    With equal weights this is the exact weighted covariance (West, Communications of the ACM 1979), never indefinite.
    A pair counts by the larger weight of its two: a newcomer's covariances are as young as itself.
    """
    off = z - mean
    pair = np.maximum(weights[:, None], weights[None, :])
    return mean + weights * off, (1 - pair) * (cov + pair * np.outer(off, off))


def decomposed(cov: Floats, share: float, effective: float) -> Basis:
    """Decompose a covariance [p, p] from `effective` windows; p >= 2. Each vector's largest element is positive.

    Retained, 1 to p - 1: the fewest components with `share` of the variance, and all that are no tighter than chance
    makes them among unrelated signals (lower edge of Marchenko and Pastur): an ordinary direction left out would drown
    the tight ones in SPE. One direction is always left, or SPE were undefined.
    """
    values, vectors = np.linalg.eigh(cov)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    edge = max(0.0, 1 - (len(cov) / effective) ** 0.5) ** 2 * values.mean()
    wanted = max(int(np.searchsorted(np.cumsum(values), share * values.sum())) + 1, int((values >= edge).sum()))
    solid = int((values > FLOOR).sum())
    count = max(1, min(wanted, solid, len(cov) - 1))
    values, kept = np.maximum(values, FLOOR), vectors[:, :count]
    largest = np.abs(kept).argmax(axis=0)
    kept = kept * np.where(kept[largest, np.arange(count)] < 0, -1.0, 1.0)
    rest = values[count:]
    return Basis(kept, values[:count], float(rest.sum()), float((rest**2).sum()))


def read(basis: Basis, off: Floats) -> Reading:
    """Measure a window, given as its distance from the mean [p]."""
    along = off @ basis.vectors
    scaled = along / basis.values
    left = off - basis.vectors @ along
    return Reading(float(along @ scaled), float(left @ left), off * (basis.vectors @ scaled), left**2, basis)


def largest_angle(old: Floats, new: Floats) -> float:
    """Largest principal angle, in degrees, between two subspaces given by orthonormal bases [p, j] and [p, k].

    Bjorck and Golub, Mathematics of Computation 1973. With j and k different, the smaller one's from within the larger.
    """
    cosines = np.linalg.svd(old.T @ new, compute_uv=False)
    return float(np.degrees(np.arccos(np.clip(cosines.min(), 0.0, 1.0))))


def turned(old: Floats, new: Floats) -> Floats:
    """How much each signal [p] changed its part in the subspace, 0..1: row norms of the projectors' difference."""
    return np.asarray(np.linalg.norm(new @ new.T - old @ old.T, axis=1))
