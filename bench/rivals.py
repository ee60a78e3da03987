"""Two rivals of the pipeline, on the same windows: fixed thresholds, and a trailing robust z-score; neither joins.

What both share: every series (one signal of one subject) is watched alone, and consecutive strange windows of a series
are one alert. An alert is all that they have: it stands for an incident, and its subject for a cause.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.expectation import ABSOLUTE_FLOOR, RELATIVE_FLOOR, spread_about
from models.frame import Frame

#: One series: (window end in epoch ms, value), in order of time.
Series = Sequence[tuple[int, float]]
QUANTILE = 0.999
#: Signals of which less is worse: their threshold is the low quantile. Of `rate` both sides are watched.
LOW, BOTH = ("confidence.",), ("rate",)
#: The trailing window and its least filling: the memory and the warm-up that the pipeline has by default.
TRAILING, WARM_UP = 30, 12
#: B. Iglewicz, D. Hoaglin, "How to detect and handle outliers" (1993): modified z-scores beyond 3.5 are outliers.
Z = 3.5
#: Strange windows in a row that make an alert of the z-score.
IN_A_ROW = 2


@dataclass(frozen=True)
class Alert:
    """Consecutive strange windows of one series; times in epoch ms; `strength` in spreads, the largest."""

    entity: str
    signal: str
    onset_ms: int
    opened_ms: int
    end_ms: int
    strength: float


@dataclass(frozen=True)
class Limits:
    """The band of a series in the reference, and its spread there."""

    low: float
    high: float
    spread: float


def series_of(frames: Iterable[tuple[int, Frame]]) -> dict[str, list[tuple[int, float]]]:
    """Turn frames round: series (subject, space, signal) -> its values by window end."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for end_ms, frame in frames:
        for key, value in zip(frame.keys, frame.values.tolist(), strict=True):
            found[key].append((end_ms, value))
    return {key: sorted(values) for key, values in sorted(found.items())}


def limits_of(reference: Iterable[tuple[int, Frame]]) -> dict[str, Limits]:
    """Learn the static thresholds: the 99.9 % quantile of each series (0.1 % where less is worse)."""
    return {key: _limits(key, [value for _, value in values]) for key, values in series_of(reference).items()}


def _limits(key: str, values: Sequence[float]) -> Limits:
    signal = key.partition(" ")[2]
    low, high = np.quantile(values, (1 - QUANTILE, QUANTILE))
    falls, either = signal.startswith(LOW), signal in BOTH
    row = np.array([values], dtype=np.float64)
    centre = np.median(row, axis=1)
    spread = _floored(float(spread_about(row, centre)[0]), float(centre[0]))
    return Limits(float(low) if falls or either else -np.inf, np.inf if falls else float(high), spread)


def static_alerts(frames: Iterable[tuple[int, Frame]], limits: Mapping[str, Limits], window_ms: int) -> list[Alert]:
    """Alert on each window beyond its series' threshold; a series that the reference lacks has none."""
    alerts: list[Alert] = []
    for key, series in series_of(frames).items():
        known = limits.get(key)
        if known is not None:
            beyond = [max(known.low - value, value - known.high) for _, value in series]
            excess = [distance / known.spread if distance > 0 else 0.0 for distance in beyond]
            alerts.extend(_alerts(key, series, excess, 1, window_ms))
    return alerts


def z_alerts(frames: Iterable[tuple[int, Frame]], window_ms: int) -> list[Alert]:
    """Alert on two windows in a row beyond 3.5 robust spreads of the 30 before; nothing is learned beforehand."""
    alerts: list[Alert] = []
    for key, series in series_of(frames).items():
        values = [value for _, value in series]
        strange = [_z(values[max(0, at - TRAILING) : at], value) for at, value in enumerate(values)]
        excess = [z if z > Z else 0.0 for z in strange]
        alerts.extend(_alerts(key, series, excess, IN_A_ROW, window_ms))
    return alerts


def _z(before: Sequence[float], value: float) -> float:
    """Return |value - median| in robust spreads: 1.4826 MAD, or 1.2533 mean deviations where the MAD is 0."""
    if len(before) < WARM_UP:
        return 0.0
    deviations = np.abs(np.asarray(before) - (centre := float(np.median(before))))
    spread = 1.4826 * float(np.median(deviations)) or 1.2533 * float(np.mean(deviations))
    return abs(value - centre) / _floored(spread, centre)


def _floored(spread: float, centre: float) -> float:
    """Return a spread no smaller than the pipeline allows itself, so that a resting series does not cry at a hair."""
    return max(spread, RELATIVE_FLOOR * abs(centre), ABSOLUTE_FLOOR)


def _alerts(key: str, series: Series, excess: Sequence[float], needed: int, window_ms: int) -> list[Alert]:
    """Group strange windows (excess above 0) that follow one another without a gap into alerts."""
    runs: list[list[tuple[int, float]]] = []
    for (end_ms, _), strength in zip(series, excess, strict=True):
        if strength <= 0:
            continue
        if runs and end_ms - runs[-1][-1][0] <= window_ms:
            runs[-1].append((end_ms, strength))
        else:
            runs.append([(end_ms, strength)])
    entity, _, signal = key.partition(" ")
    return [
        Alert(entity, signal, run[0][0] - window_ms, run[needed - 1][0], run[-1][0], max(s for _, s in run))
        for run in runs
        if len(run) >= needed
    ]
