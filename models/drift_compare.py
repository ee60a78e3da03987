"""Rows of different kinds compared at once: distributions with distributions, shares with shares."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.columns import Array
from models.drift import DriftSeries
from models.drift_stats import Compared, compare_bins, compare_shares
from models.frame import Floats


@dataclass(frozen=True)
class Frozen:
    """Baselines of some rows: counts [rows, BINS], whether each is a share, whether its bins have an order, and so on.

    `floor` is the smallest change of a row that matters, as PSI or as a share.
    """

    reference: Floats
    share: Array
    ordered: Array
    overdispersion: Floats
    floor: Floats

    @classmethod
    def of(cls, series: Sequence[DriftSeries], floor: float, share_floor: float) -> "Frozen":
        """Put baselines (one at least) in rows."""
        share = np.array([one.kind == "share" for one in series])
        return cls(
            reference=np.stack([one.reference for one in series]),
            share=share,
            ordered=np.array([one.kind != "names" for one in series]),
            overdispersion=np.array([one.overdispersion for one in series]),
            floor=np.where(share, share_floor, floor),
        )

    def compare(self, recent: Floats, window: Floats) -> Compared:
        """Compare counts [rows, BINS] of the last windows, and of the newest; `excess` is in units of the floor."""
        told = np.zeros((4, len(self.share)))
        for mine, judge in ((self.share, self._shares), (~self.share, self._bins)):
            if mine.any():
                one = judge(mine, recent[mine], window[mine])
                told[:, mine] = one.p_values, one.excess / self.floor[mine], one.lean, one.noise
        return Compared(*told)

    def nearest(self, normal: Floats, recent: Floats, window: Floats) -> Compared:
        """Compare with a second normal [rows, BINS] too, where it is not all 0: what is like either is no drift."""
        first = self.compare(recent, window)
        if not (known := normal.any(axis=1)).any():
            return first
        reference = np.where(known[:, None], normal, self.reference)
        second = replace(self, reference=reference).compare(recent, window)
        return Compared(
            np.maximum(first.p_values, second.p_values),
            np.minimum(first.excess, second.excess),
            np.minimum(first.lean, second.lean),
            first.noise,
        )

    def _shares(self, mine: Array, recent: Floats, window: Floats) -> Compared:
        return compare_shares(self.reference[mine], recent, window, self.overdispersion[mine])

    def _bins(self, mine: Array, recent: Floats, window: Floats) -> Compared:
        return compare_bins(self.reference[mine], recent, window, self.ordered[mine], self.overdispersion[mine])
