"""The local expectation: what a signal should be now, from its own recent windows and from the trained baseline.

Median and MAD of the last windows resist a minority of strange ones (Rousseeuw and Croux, JASA 1993). A trained
baseline stands in until enough windows are known, and then keeps the spread from shrinking on a short quiet stretch.
Blind spot: a drift slower than the history is followed, not seen.
"""

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Expected:
    """Aligned arrays [rows]: expectation, spread, residual in spreads (`z`), and whether the row can be judged."""

    level: Floats
    scale: Floats
    z: Floats
    ready: Array


class LocalExpectation:
    """Keeps `history`, `count` and `frozen` for every series."""

    def __init__(self, settings: Expectation, baselines: Mapping[str, SeriesBaseline]) -> None:
        self._settings = settings
        self._baselines = baselines

    @property
    def layout(self) -> Layout:
        """The columns that it remembers."""
        return {"history": (self._settings.history, np.nan), "count": (None, 0.0), "frozen": (None, 0.0)}

    def expect(self, frame: Frame, memory: Mapping[str, Array]) -> Expected:
        """Judge each row of a frame against its past, which does not yet hold the frame."""
        history, count = memory["history"], memory["count"]
        known = [self._baselines.get(key) for key in frame.keys]
        base_level = np.array([b.median if b else np.nan for b in known])
        base_scale = np.array([b.scale if b else np.nan for b in known])
        trained = ~np.isnan(base_level)
        local = count >= self._settings.warm_up
        median, spread = _median_and_spread(history)
        level = np.where(local, median, base_level)
        weight = np.minimum(count, self._settings.history)
        pooled = np.sqrt((weight * spread**2 + PRIOR_WEIGHT * base_scale**2) / (weight + PRIOR_WEIGHT))
        scale = np.where(local, np.where(trained, pooled, spread), base_scale)
        ready = local | trained
        level, scale = np.where(ready, level, frame.values), np.where(ready, scale, 1.0)
        floor = np.maximum(RELATIVE_FLOOR * np.abs(level), ABSOLUTE_FLOOR)
        scale = np.maximum(np.maximum(scale, frame.errors), floor)
        return Expected(level, scale, (frame.values - level) / scale, ready)

    def learn(self, frame: Frame, memory: Mapping[str, Array], strange: Array) -> dict[str, Array]:
        """Answer the memory with the frame in it; strange rows stay out, but no longer than `freeze_cap` windows."""
        history, count, frozen = (memory[name].copy() for name in ("history", "count", "frozen"))
        frozen = np.where(strange, frozen + 1, 0)
        taken = np.flatnonzero(~strange | (frozen > self._settings.freeze_cap))
        slot = count[taken].astype(np.int64) % self._settings.history
        history[taken, slot] = frame.values[taken]
        count[taken] += 1
        return {"history": history, "count": count, "frozen": frozen}


def _median_and_spread(history: Floats) -> tuple[Floats, Floats]:
    """Median and spread of each row [rows, windows]; NaN places are empty, an empty row answers 0 and 0."""
    filled = np.where(np.isnan(history).all(axis=1, keepdims=True), 0.0, history)
    median = _quantiles(filled, (0.5,))[0]
    return median, spread_about(filled, median)


def spread_about(values: Floats, median: Floats) -> Floats:
    """Standard deviation of each row [rows, windows] about its median, as the larger of two robust estimates.

    The MAD alone is 0 for a signal that rests at one level and bursts now and then; the ninth decile sees the bursts.
    Both resist a tenth of strange windows.
    """
    distance = np.abs(values - median[:, None])
    middle, tenth = _quantiles(distance, (0.5, 0.9))
    return np.asarray(np.maximum(MAD_TO_SIGMA * middle, TENTH_TO_SIGMA * tenth))


def _quantiles(values: Floats, shares: tuple[float, ...]) -> list[Floats]:
    """Quantiles of each row [rows, windows] without its NaNs, interpolated; numpy's own cost ten times as much."""
    ordered = np.sort(values, axis=1)  # NaN goes last
    last = np.maximum((~np.isnan(values)).sum(axis=1) - 1, 0)
    rows = np.arange(len(values))
    answers = []
    for share in shares:
        place = share * last
        low = place.astype(np.int64)
        below, above = ordered[rows, low], ordered[rows, np.minimum(low + 1, last)]
        answers.append(below + (above - below) * (place - low))
    return answers
