"""The local expectation: what a signal should be now, from its own recent windows and from the trained baseline.

Median and MAD of the last windows resist a minority of strange ones (Rousseeuw and Croux, JASA 1993). A trained
baseline stands in until enough windows are known, and then keeps the spread from shrinking on a short quiet stretch.
Blind spot: a drift slower than the history is followed, not seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from models.artifact import SeriesBaseline
from models.columns import Array
from models.config import Expectation
from models.frame import Floats, Frame
from models.series import Layout

#: A MAD times this estimates a normal standard deviation.
MAD_TO_SIGMA = 1.4826
#: Nine tenths of a normal's values are within so many standard deviations.
TENTH_TO_SIGMA = 1 / 1.645
#: Windows that the baseline's spread counts for beside the local one.
PRIOR_WEIGHT = 15
#: No signal is trusted to be steadier than this share of its level.
RELATIVE_FLOOR = 0.02
ABSOLUTE_FLOOR = 1e-6
#: A calm window takes back so much of what a strange one adds to `frozen`: a series that is strange in more than one
#: window of five is no faulty series but one of that kind, and what it leaps to is learned in the end.
THAW = 0.25
#: Rows that are summarised together: few enough for a processor's cache.
BLOCK = 512


@dataclass(frozen=True)
class Expected:
    """Aligned arrays [rows]: expectation, spread, residual in spreads (`z`), and whether the row can be judged.

    `spread` is what the series was seen to vary by; `scale` is that or the window's sampling error or a floor,
    whichever is largest.
    """

    level: Floats
    scale: Floats
    z: Floats
    ready: Array
    spread: Floats


class LocalExpectation:
    """Keeps `history`, `count` and `frozen` for every series."""

    def __init__(self, settings: Expectation, baselines: Mapping[str, SeriesBaseline]) -> None:
        self._settings = settings
        self._place = {key: at for at, key in enumerate(baselines)}
        # the last place, -1, is that of series without a baseline
        self._level = np.array([*(one.median for one in baselines.values()), np.nan])
        self._scale = np.array([*(one.scale for one in baselines.values()), np.nan])

    @property
    def layout(self) -> Layout:
        """The columns that it remembers."""
        return {"history": (self._settings.history, np.nan), "count": (None, 0.0), "frozen": (None, 0.0)}

    def expect(self, frame: Frame, memory: Mapping[str, Array]) -> Expected:
        """Judge each row of a frame against its past, which does not yet hold the frame."""
        history, count = memory["history"], memory["count"]
        known = np.array([self._place.get(key, -1) for key in frame.keys], np.int64)
        base_level, base_scale = self._level[known], self._scale[known]
        trained = ~np.isnan(base_level)
        local = count >= self._settings.warm_up
        median, spread = _median_and_spread(history)
        level = np.where(local, median, base_level)
        weight = np.minimum(count, self._settings.history)
        pooled = np.sqrt((weight * spread**2 + PRIOR_WEIGHT * base_scale**2) / (weight + PRIOR_WEIGHT))
        spread = np.where(local, np.where(trained, pooled, spread), base_scale)
        ready = local | trained
        level, spread = np.where(ready, level, frame.values), np.where(ready, spread, 1.0)
        floor = np.maximum(RELATIVE_FLOOR * np.abs(level), ABSOLUTE_FLOOR)
        scale = np.maximum(np.maximum(spread, frame.errors), floor)
        return Expected(level, scale, (frame.values - level) / scale, ready, spread)

    def learn(self, frame: Frame, memory: Mapping[str, Array], strange: Array) -> dict[str, Array]:
        """Answer the memory with the frame in it; strange rows stay out, but no longer than `freeze_cap` windows.

        `frozen` falls slowly (`THAW`) and is never above the cap by more than one window: a level that stays is
        learned window by window, and so is the second of two levels between which a series leaps.
        """
        history, count = memory["history"].copy(), memory["count"].copy()
        cap = self._settings.freeze_cap
        frozen = np.where(strange, np.minimum(memory["frozen"] + 1, cap + 1), np.maximum(memory["frozen"] - THAW, 0))
        taken = np.flatnonzero(~strange | (frozen > cap))
        slot = count[taken].astype(np.int64) % self._settings.history
        history[taken, slot] = frame.values[taken]
        count[taken] += 1
        return {"history": history, "count": count, "frozen": frozen}


def spread_about(values: Floats, median: Floats) -> Floats:
    """Standard deviation of each row [rows, windows] about its median, as the larger of two robust estimates.

    The MAD alone is 0 for a signal that rests at one level and bursts now and then; the ninth decile sees the bursts.
    Both resist a tenth of strange windows.
    """
    return _spread(np.sort(values, axis=1).T, median)


def _median_and_spread(history: Floats) -> tuple[Floats, Floats]:
    """Median and spread of each row [rows, windows]; NaN places are empty, an empty row answers 0 and 0."""
    median, spread = np.zeros(len(history)), np.zeros(len(history))
    for start in range(0, len(history), BLOCK):
        block = slice(start, start + BLOCK)
        _summarise(history[block], median[block], spread[block])
    return median, spread


def _summarise(history: Floats, median: Floats, spread: Floats) -> None:
    """Write median and spread of each row of a block into `median` and `spread`."""
    ordered = np.sort(history, axis=1).T.copy()  # NaN goes last; windows first: numpy then works on long rows
    known = history.shape[1] - np.isnan(ordered).sum(axis=0)
    for size in np.unique(known[known > 0]).tolist():
        rows = np.flatnonzero(known == size)
        part = ordered.take(rows, axis=1)[:size]
        median[rows] = _between(0.5, size, part.__getitem__)
        spread[rows] = _spread(part, median[rows])


def _spread(ordered: Floats, median: Floats) -> Floats:
    """Spread of sorted windows [windows, rows]; the nearest k windows to a median are neighbours: no second sort."""
    size = len(ordered)

    def nearest(place: int) -> Floats:
        below, above = median - ordered[: size - place], ordered[place:] - median
        return np.asarray(np.maximum(below, above).min(axis=0))

    middle, tenth = _between(0.5, size, nearest), _between(0.9, size, nearest)
    return np.asarray(np.maximum(MAD_TO_SIGMA * middle, TENTH_TO_SIGMA * tenth))


def _between(share: float, size: int, at: Callable[[int], Floats]) -> Floats:
    """Interpolate the quantile of `size` sorted values whose place n `at` answers."""
    place = share * (size - 1)
    low = int(place)
    below, above = at(low), at(min(low + 1, size - 1))
    return below + (above - below) * (place - low)
