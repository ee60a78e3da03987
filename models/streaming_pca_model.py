"""The life of one subject's streaming PCA: measure a window, then learn it, unless it is strange.

Strange windows are not learned, up to a cap; then all is forgotten and learning begins anew: no alarm is endless.
"""

from dataclasses import dataclass, replace

import numpy as np

from models.columns import Array
from models.frame import Floats
from models.streaming_pca import Basis, Reading, decomposed, largest_angle, learned, read, turned
from models.streaming_pca_limits import PRIOR, Moments, ratios, spe_p_value, t2_p_value, theory
from models.streaming_pca_part import Part

#: Spreads at which a residual is cut, and from which on a signal is strange by itself.
BOUND = 5.0
#: So many signals strange by themselves, and so large a share of them, keep a window from being learned.
MANY, MANY_SHARE = 2, 0.1
FEWEST = 3
#: Windows before the first decomposition and before the first verdict, per signal (or per `FEW`, if fewer): a
#: covariance from n windows has relative errors of about sqrt(d / n), and below n = 2 d its small variances are much
#: too small (Marchenko and Pastur, Mathematics of the USSR-Sbornik 1967). The d windows between measure SPE honestly.
FIRST_BASIS, FIRST_VERDICT, FEW = 2, 3, 10
#: What a calm window pays back of the frozen ones: alarms in more than a fifth of all windows lead to a new start.
PAYBACK = 0.25


@dataclass(frozen=True)
class Measured:
    """A window's p-values, its reading, and which signals [p] of the part took part in it."""

    by_t2: float
    by_spe: float
    reading: Reading
    used: Array


@dataclass(frozen=True)
class StreamingPca:
    """How to learn: at least a `share` of the variance is retained, the newest window weighs 2 / (`memory` + 1).

    `every`: learned windows between two decompositions. `cap`: strange windows that are kept out at most.
    """

    share: float
    memory: int
    every: int
    cap: int

    def measure(self, part: Part, z: Floats) -> Measured | None:
        """Judge residuals z [p], cut at `BOUND`; None while too little is known."""
        shared, used = part.shared, usable(part)
        if used.sum() < FEWEST or shared.tracked < (FIRST_VERDICT - FIRST_BASIS) * max(used.sum(), FEW):
            return None
        reading = read(self._basis(part, used), (z - part.mean)[used])
        tracked = min(shared.tracked + PRIOR, float(self.memory))
        by_t2 = t2_p_value(reading, Moments(shared.t2_mean, shared.t2_variance), 1 / shared.squares, tracked)
        by_spe = spe_p_value(reading, Moments(shared.spe_mean, shared.spe_variance), tracked)
        return Measured(by_t2, by_spe, reading, used)

    def learn(self, part: Part, z: Floats, alarm: bool) -> Part:
        """Answer the part after a window; `alarm`: its own verdict was over the threshold."""
        clock, wild = part.shared.clock + 1, int((np.abs(z) >= BOUND).sum())
        part = replace(part, shared=replace(part.shared, clock=clock))
        if not alarm and wild < max(MANY, MANY_SHARE * len(z)):
            return self._renewed(self._absorbed(self._tracked(part, z), z))
        shared = replace(part.shared, frozen=part.shared.frozen + 1)
        return replace(part, shared=shared) if shared.frozen <= self.cap else part.restarted(clock)

    def _weight(self, count: float | Floats) -> Floats:
        """A plain average at first, then exponential."""
        return np.maximum(1 / np.asarray(count), 2 / (self.memory + 1))

    def _tracked(self, part: Part, z: Floats) -> Part:
        """Move the moments of T2 and SPE, measured before the window is learned."""
        used = usable(part)
        if used.sum() < FEWEST:
            return part
        shared, reading = part.shared, read(self._basis(part, used), (z - part.mean)[used])
        t2, spe = theory(reading)
        if shared.tracked:
            t2 = Moments(shared.t2_mean, shared.t2_variance)
            spe = Moments(shared.spe_mean, shared.spe_variance)
        weight = float(self._weight(shared.tracked + PRIOR + 1))
        t2, spe = (moments.moved(ratio, weight) for moments, ratio in zip((t2, spe), ratios(reading), strict=True))
        moments = {"t2_mean": t2.mean, "t2_variance": t2.variance}
        moments |= {"spe_mean": spe.mean, "spe_variance": spe.variance}
        return replace(part, shared=replace(shared, tracked=shared.tracked + 1, **moments))

    def _absorbed(self, part: Part, z: Floats) -> Part:
        shared, counts = part.shared, part.counts + 1
        mean, cov = learned(part.mean, part.cov, z, self._weight(counts))
        weight = float(self._weight(shared.counted + 1))
        shared = replace(
            shared,
            frozen=max(0.0, shared.frozen - PAYBACK),
            counted=shared.counted + 1,
            squares=(1 - weight) ** 2 * shared.squares + weight**2,
            age=shared.age + 1,
        )
        return replace(part, counts=counts, mean=mean, wide=part.with_cov(cov), shared=shared)

    def _renewed(self, part: Part) -> Part:
        """Decompose again if it is time, or if the set of signals changed; record what that changes."""
        used = usable(part)
        same = fits(part, used)
        if used.sum() < FEWEST or (same and part.shared.age < self.every):
            return part
        basis = self._decomposed(part, used)
        at, count = np.flatnonzero(used), basis.vectors.shape[1]
        vectors, none = np.zeros_like(part.vectors), np.zeros(len(used))
        members, values, turns, angle = none.copy(), none.copy(), none.copy(), 0.0
        vectors[at, :count], values[at[:count]], members[at] = basis.vectors, basis.values, bits(part, used)
        if same:
            old = self._basis(part, used).vectors
            turns[at], angle = turned(old, basis.vectors), largest_angle(old, basis.vectors)
        shared = replace(
            part.shared,
            age=0.0,
            rest=basis.rest,
            rest_squared=basis.rest_squared,
            retained=float(count),
            bases=part.shared.bases + 1,
            angle=angle,
            joined=float(not same),
        )
        return replace(part, vectors=vectors, values=values, turned=turns, members=members, shared=shared)

    def _basis(self, part: Part, used: Array) -> Basis:
        """The basis in memory, or another where the set of signals is not the one that it was made for."""
        if not fits(part, used):
            return self._decomposed(part, used)
        shared, count = part.shared, int(part.shared.retained)
        return Basis(part.vectors[used, :count], part.values[used][:count], shared.rest, shared.rest_squared)

    def _decomposed(self, part: Part, used: Array) -> Basis:
        squares = part.shared.squares
        return decomposed(part.cov[np.ix_(used, used)] / (1 - squares), self.share, 1 / squares)


def usable(part: Part) -> Array:
    """Mark the signals known for long enough to be in a basis; one that was in a basis stays."""
    return np.asarray((part.counts >= FIRST_BASIS * max(len(part.rows), FEW)) | (part.members > 0))


def bits(part: Part, used: Array) -> float:
    """Answer the slots of these signals as the bits of one number."""
    return float((2.0 ** part.slots[used]).sum())


def fits(part: Part, used: Array) -> bool:
    """Whether the basis in memory was made for exactly these signals."""
    return bool((part.members[used] == bits(part, used)).all())
