"""From a detector's raw score to a p-value, by what it scored on held-out normal data.

Up to the upper decile the p-value is the empirical survival, counted `(k + 1) / (n + 1)`; beyond it an exponential tail
takes over. Its rate is estimated from the m excesses, and the uncertainty of that estimate is part of the answer: a new
excess x exceeds all doubt with probability `(1 + x / sum)^-m` (x over the mean excess is F(2, 2m) distributed). So a
p-value is never 0, few held-out windows cannot claim certainty, and more of them bring the tail closer to exponential.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.forest import Floats

#: Fewer held-out scores say nothing about a tail.
FEWEST = 20
#: Points of the survival curve that are kept.
POINTS = 257
#: Where the tail begins, as a share of the held-out scores.
DECILE = 0.9
_SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class Tail:
    """A survival curve: `values` [k] ascending with their `survival` [k], and the tail beyond `knot` = values[-1].

    `n` held-out scores; `above` the p-value just beyond the knot; `excesses` how many lay beyond it, `total` the sum
    of their distances to it (1.0 where there are none). Raises ValueError when these contradict each other.
    """

    n: int
    values: Floats
    survival: Floats
    above: float
    excesses: int
    total: float

    def __post_init__(self) -> None:
        numbers = np.concatenate([self.values, self.survival, [self.above, self.total]])
        if self.n < FEWEST or len(self.values) == 0 or len(self.values) != len(self.survival):
            raise ValueError(f"a tail needs at least {FEWEST} held-out scores and one survival for each value")
        if not np.isfinite(numbers).all() or self.excesses < 0 or self.total <= 0:
            raise ValueError("a tail's numbers must be finite, with excesses that have a length")
        if (np.diff(self.values) <= 0).any() or (np.diff(self.survival) > 0).any():
            raise ValueError("a tail's values must rise and their survival must not")
        if not 0 < self.above <= self.survival[-1] or self.survival[0] > 1:
            raise ValueError("a tail's probabilities must lie between 0 and 1 and fall")

    @classmethod
    def of(cls, raw: Floats) -> Self:
        """Learn from raw scores [n] of held-out normal data. Raises ValueError for fewer than 20 or not finite ones."""
        ordered = np.sort(np.asarray(raw, dtype=np.float64))
        n = len(ordered)
        if n < FEWEST or not np.isfinite(ordered).all():
            raise ValueError(f"a tail needs at least {FEWEST} finite held-out scores, got {n}")
        knot = ordered[int(np.ceil(DECILE * n)) - 1]
        body, first = np.unique(ordered[ordered <= knot], return_index=True)
        kept = np.unique(np.linspace(0, len(body) - 1, min(POINTS, len(body))).round().astype(int))
        beyond = ordered[ordered > knot] - knot
        return cls(
            n=n,
            values=body[kept],
            survival=(n - first[kept] + 1.0) / (n + 1.0),
            above=(len(beyond) + 1.0) / (n + 1.0),
            excesses=len(beyond),
            total=float(beyond.sum()) if len(beyond) else 1.0,
        )

    def p_value(self, raw: Floats) -> Floats:
        """How often normal data scores at least this much: raw [n] -> [n] in (0, 1]; ValueError for NaN and inf."""
        scores = np.asarray(raw, dtype=np.float64)
        if not np.isfinite(scores).all():
            raise ValueError("a raw score must be finite")
        knot = self.values[-1]
        tail = self.above * (1.0 + np.maximum(scores - knot, 0.0) / self.total) ** -self.excesses
        p = np.where(scores > knot, tail, np.interp(scores, self.values, self.survival))
        return np.maximum(p, _SMALLEST)
