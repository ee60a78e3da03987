"""The fold of telemetry: blobs of one pane become statistics per series, and panes merge into a window.

A counter becomes an increase over a time, resets handled (a fall means that it started again from zero); the last
sample of the pane before is carried, so that one sample per pane is enough.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.cells import per_partition
from models.columns import Array, pack, unpack
from models.histogram import Floats
from models.name_codes import united
from models.telemetry_blob import SEPARATOR

#: Columns of `TelemetryPane.stats`; times in ms. `increase` and `span` belong to counters.
STATS = ("n", "sum", "sum_sq", "first_time", "first", "last_time", "last", "increase", "span")
N, SUM, SQUARE, FIRST_TIME, FIRST, LAST_TIME, LAST, INCREASE, SPAN = range(len(STATS))


@dataclass(frozen=True)
class TelemetryPane:
    """Statistics of some series, [series, len(STATS)]; a series' name is `models.telemetry_blob`'s."""

    names: list[str]
    stats: Floats

    def pack(self) -> bytes:
        """Encode as bytes, for state."""
        return pack({"names": self.names, "stats": self.stats})

    @classmethod
    def unpack(cls, data: bytes) -> "TelemetryPane":
        """Decode what `pack` wrote."""
        columns = unpack(data)
        return cls(columns["names"], columns["stats"])


Carry = dict[str, tuple[float, float]]


def fold_blobs(blobs: Sequence[bytes], carry: Carry) -> tuple[TelemetryPane, Counter[int], Counter[int]]:
    """Fold the blobs of a pane; also count scored and duplicate samples per partition.

    `carry` holds time and value of each counter's last sample before this pane.
    """
    names, columns = _join([unpack(blob) for blob in blobs])
    # of two values for one time the smaller counts; where even these agree, the lower partition has sent the first
    order = np.lexsort((columns["partition"], columns["value"], columns["time"], columns["series"]))
    series, time, value = (columns[name][order] for name in ("series", "time", "value"))
    first = np.concatenate([[True], (series[1:] != series[:-1]) | (time[1:] != time[:-1])])
    partition = columns["partition"][order]
    duplicates, scored = per_partition(partition[~first]), per_partition(partition[first])
    return _statistics(names, series[first], time[first], value[first], carry), scored, duplicates


def _join(blobs: list[dict[str, Any]]) -> tuple[list[str], dict[str, Array]]:
    names, tables = united([blob["names"] for blob in blobs])
    joined = {name: np.concatenate([blob[name] for blob in blobs]) for name in ("partition", "value")}
    joined["time"] = np.concatenate([blob["start"] + blob["time"] for blob in blobs])
    joined["series"] = np.concatenate([table[blob["series"]] for blob, table in zip(blobs, tables, strict=True)])
    return names, joined


def _statistics(names: list[str], series: Array, time: Array, value: Array, carry: Carry) -> TelemetryPane:
    size = len(names)
    starts = np.searchsorted(series, np.arange(size))
    ends = np.searchsorted(series, np.arange(size), side="right") - 1
    step, gap, inner = np.diff(value), np.diff(time).astype(np.float64), series[1:] == series[:-1]
    increase = np.where(step >= 0, step, value[1:])
    stats = np.zeros((size, len(STATS)))
    stats[:, N] = np.bincount(series, minlength=size)
    stats[:, SUM] = np.bincount(series, weights=value, minlength=size)
    stats[:, SQUARE] = np.bincount(series, weights=value * value, minlength=size)
    stats[:, FIRST_TIME], stats[:, FIRST] = time[starts], value[starts]
    stats[:, LAST_TIME], stats[:, LAST] = time[ends], value[ends]
    stats[:, INCREASE] = np.bincount(series[1:][inner], weights=increase[inner], minlength=size)
    stats[:, SPAN] = np.bincount(series[1:][inner], weights=gap[inner], minlength=size)
    for row, name in enumerate(names):
        then, before = carry.get(name, (np.inf, 0.0))
        if then < stats[row, FIRST_TIME]:  # not so where a pane comes after a later one
            rise = stats[row, FIRST] - before
            stats[row, INCREASE] += rise if rise >= 0 else stats[row, FIRST]
            stats[row, SPAN] += stats[row, FIRST_TIME] - then
    return TelemetryPane(names, stats)


def carried(pane: TelemetryPane, carry: Carry) -> Carry:
    """Answer the carry for the next pane: the newest sample of every counter."""
    counters = {
        name: (float(pane.stats[row, LAST_TIME]), float(pane.stats[row, LAST]))
        for row, name in enumerate(pane.names)
        if name.split(SEPARATOR)[2] == "counter" and pane.stats[row, LAST_TIME] >= carry.get(name, (0.0, 0.0))[0]
    }
    return carry | counters


def merge_panes(panes: Sequence[TelemetryPane]) -> TelemetryPane:
    """Merge panes, in time order, into the statistics of the window that they make up."""
    if len(panes) == 1:
        return panes[0]
    names = sorted({name for pane in panes for name in pane.names})
    index = {name: row for row, name in enumerate(names)}
    stats = np.zeros((len(names), len(STATS)))
    added, newest = np.array([N, SUM, SQUARE, INCREASE, SPAN]), np.array([LAST_TIME, LAST])
    for pane in panes:
        rows = np.array([index[name] for name in pane.names], np.int64)
        fresh = stats[rows, N] == 0
        stats[rows[fresh], FIRST_TIME], stats[rows[fresh], FIRST] = (
            pane.stats[fresh, FIRST_TIME],
            pane.stats[fresh, FIRST],
        )
        stats[np.ix_(rows, added)] += pane.stats[:, added]
        stats[np.ix_(rows, newest)] = pane.stats[:, newest]
    return TelemetryPane(names, stats)
