"""Features of telemetry: level, spread and slope of every metric, counters as rates."""

from collections import defaultdict
from functools import lru_cache

import numpy as np

from models.columns import Array
from models.frame import Floats, Frame, Ints
from models.frame_build import FrameBuilder
from models.name_codes import Names
from models.telemetry_blob import SEPARATOR
from models.telemetry_pane import (
    FIRST,
    FIRST_TIME,
    INCREASE,
    LAST,
    LAST_TIME,
    SPAN,
    SQUARE,
    SUM,
    N,
    TelemetryPane,
)  # fmt: skip

#: Samples below which spread and slope of a metric say nothing.
ENOUGH = 5


def telemetry_frame(pane: TelemetryPane, window_ms: int) -> Frame:
    """Answer the signals of each entity's metrics: level, and spread and slope where there are samples enough."""
    builder = FrameBuilder()
    parts = [name.split(SEPARATOR) for name in pane.names]
    columns = _Columns(builder, Names.of([part[0] for part in parts]), Names.of([part[1] for part in parts]))
    kinds, stats = np.array([part[2] for part in parts], dtype=str), pane.stats
    columns.add_gauges(np.flatnonzero(kinds == "gauge"), stats)
    counters = np.flatnonzero((kinds == "counter") & (stats[:, SPAN] > 0))
    columns.add(counters, 1000 * stats[counters, INCREASE] / stats[counters, SPAN], stats)
    deltas, events = np.flatnonzero(kinds == "delta"), np.flatnonzero(kinds == "event")
    columns.add(deltas, 1000 * stats[deltas, SUM] / window_ms, stats)
    columns.add(events, stats[events, SUM], stats)
    services: dict[str, set[str]] = defaultdict(set)
    for subject, _, _, service in parts:
        services[subject].add(service)
    builder.services = {subject: sorted(names - {""}) for subject, names in services.items()}
    return builder.build()


class _Columns:
    """Adds signals for many series [rows of a pane] at once."""

    def __init__(self, builder: FrameBuilder, subjects: Names, metrics: Names) -> None:
        self._builder, self._subjects, self._metrics = builder, subjects, metrics

    def add(self, rows: Ints, values: Array, stats: Floats, part: str = "") -> None:
        """Add the values of some series; `part` follows the name of the metric."""
        names = [_derived(name, part) for name in self._metrics.names] if part else self._metrics.names
        self._builder.extend(self._subjects.at(rows), Names(names, self._metrics.codes[rows]), values, stats[rows, N])

    def add_gauges(self, rows: Ints, stats: Floats) -> None:
        """Add level, spread and slope."""
        self.add(rows, stats[rows, SUM] / stats[rows, N], stats)
        rows = rows[stats[rows, N] >= ENOUGH]
        told = stats[rows]
        mean = told[:, SUM] / told[:, N]
        variance = told[:, SQUARE] / told[:, N] - mean**2
        # below this the difference of two large sums is rounding, not spread
        spread = np.where(variance > 1e-10 * mean**2, np.sqrt(np.maximum(variance, 0.0)), 0.0)
        self.add(rows, spread, stats, "spread")
        with np.errstate(invalid="ignore", divide="ignore"):
            seconds = (told[:, LAST_TIME] - told[:, FIRST_TIME]) / 1000
            self.add(rows, (told[:, LAST] - told[:, FIRST]) / seconds, stats, "slope")


@lru_cache(maxsize=65_536)
def _derived(metric: str, part: str) -> str:
    return f"{metric}.{part}"
