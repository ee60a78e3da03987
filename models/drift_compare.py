"""Rows of different kinds compared at once: distributions with distributions, shares with shares."""

from dataclasses import dataclass, replace

import numpy as np

from models.columns import Array
from models.drift_profile import Baseline
from models.drift_stats import Compared, compare_bins, compare_shares
from models.frame import Floats


@dataclass(frozen=True)
class Frozen:
    """Baselines of some rows, and the smallest change of each row that matters: as PSI, or as a share."""

    baseline: Baseline
    floor: Floats

    @classmethod
    def of(cls, baseline: Baseline, floor: float, share_floor: float) -> "Frozen":
        """Give the rows of a baseline the floor of their kind."""
        return cls(baseline, np.where(baseline.share, share_floor, floor))

    def compare(self, recent: Floats, window: Floats) -> Compared:
        """Compare counts [rows, BINS] of the last windows, and of the newest; `excess` is in units of the floor."""
        share = self.baseline.share
        told = np.zeros((4, len(share)))
        for mine, judge in ((share, self._shares), (~share, self._bins)):
            if mine.any():
                one = judge(mine, recent[mine], window[mine])
                told[:, mine] = one.p_values, one.excess / self.floor[mine], one.lean, one.noise
        return Compared(*told)

    def nearest(self, first: Compared, normal: Floats, recent: Floats, window: Floats) -> Compared:
        """Compare with a second normal [rows, BINS] too, where it is not all 0: what is like either is no drift.

        `first` is what `compare` answers.
        """
        known = np.flatnonzero(normal.any(axis=1))
        if not len(known):
            return first
        again = Frozen(replace(self.baseline.at(known), reference=normal[known]), self.floor[known])
        second = again.compare(recent[known], window[known])
        p_values, excess, lean = first.p_values.copy(), first.excess.copy(), first.lean.copy()
        p_values[known] = np.maximum(p_values[known], second.p_values)
        excess[known] = np.minimum(excess[known], second.excess)
        lean[known] = np.minimum(lean[known], second.lean)
        return Compared(p_values, excess, lean, first.noise)

    def _shares(self, mine: Array, recent: Floats, window: Floats) -> Compared:
        told = self.baseline.at(mine)
        return compare_shares(told.reference, recent, window, told.overdispersion)

    def _bins(self, mine: Array, recent: Floats, window: Floats) -> Compared:
        told = self.baseline.at(mine)
        return compare_bins(told.reference, recent, window, told.ordered, told.overdispersion)
