"""What streaming PCA remembers of one subject: of each signal, and of all together. Plain values."""

from dataclasses import dataclass

import numpy as np

from models.frame import Floats, Ints


@dataclass(frozen=True)
class Shared:
    """What the signals of a subject have in common; counts are windows.

    `clock` seen; `era` the clock when learning last began anew; `counted` learned since then; `squares` the sum of
    their squared weights (1 / effective sample size); `frozen` strange ones, less what calm ones paid back;
    `age` learned since the last decomposition; `tracked` calm ones in the moments of T2 and SPE; `rest`, `rest_squared`
    and `retained` of the basis; `bases` decompositions so far; `angle` degrees that the last one turned the subspace;
    `joined` 1 if it came because the set of signals changed (no angle then), 0 if it was due.
    """

    clock: float = 0.0
    era: float = 0.0
    counted: float = 0.0
    squares: float = 0.0
    frozen: float = 0.0
    age: float = 0.0
    tracked: float = 0.0
    t2_mean: float = 0.0
    t2_variance: float = 0.0
    spe_mean: float = 0.0
    spe_variance: float = 0.0
    rest: float = 0.0
    rest_squared: float = 0.0
    retained: float = 0.0
    bases: float = 0.0
    angle: float = 0.0
    joined: float = 0.0


@dataclass(frozen=True)
class Part:
    """One subject's memory of its p present signals, in the order of their slots; `rows` are frame rows.

    `slots` from 0; `counts` windows learned of each signal; `members` the set of slots, as bits, that its row of
    `vectors` [p, slots - 1] belongs to, 0 for none; the k-th row of that set holds in `values` the variance of the
    k-th component; `turned` how much the last decomposition changed the signal's part; `wide` [p, slots] covariances.
    """

    rows: Ints
    slots: Ints
    counts: Floats
    mean: Floats
    members: Floats
    values: Floats
    turned: Floats
    vectors: Floats
    wide: Floats
    shared: Shared

    @property
    def cov(self) -> Floats:
        """Covariances of the present signals [p, p]."""
        block = self.wide[:, self.slots]
        other = block.T
        nearer = np.where(np.abs(block) <= np.abs(other), block, other)
        return np.where(block * other > 0, nearer, 0.0)

    def with_cov(self, cov: Floats) -> Floats:
        """Answer `wide` with the covariances of the present signals replaced."""
        wide = self.wide.copy()
        wide[:, self.slots] = cov
        return wide

    def restarted(self, clock: float) -> "Part":
        """Forget all but the slots: what comes is another normal."""
        shared = Shared(clock=clock, era=clock, bases=self.shared.bases)
        none = np.zeros(len(self.rows))
        vectors, wide = np.zeros_like(self.vectors), np.zeros_like(self.wide)
        return Part(self.rows, self.slots, none, none, none, none, none, vectors, wide, shared)
