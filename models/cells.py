"""Counts and sums by (row, column), and a bounded choice from each row: what the folds and merges of panes share."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from models.columns import Array
from models.histogram import Floats, Ints, count_cells

#: A table of all cells is made where it has at most so many of them, and so many for each thing that is counted.
_SMALL, _EACH = 4096, 8


def tally(rows: Array, bins: Array, size: int) -> Ints:
    """Count per (row, bin), as `histogram.count_cells` does: in a table where it is small, and then without sorting."""
    if not len(rows):
        return np.zeros((0, 3), np.int64)
    low = int(bins.min())
    width = int(bins.max()) - low + 1
    if not _is_small(size * width, len(rows)):
        return count_cells(rows, bins)
    counts = np.bincount(rows * width + (bins - low))
    filled = np.flatnonzero(counts)
    return np.stack([filled // width, filled % width + low, counts[filled]], axis=1)


def sum_cells(rows: Ints, columns: Ints, values: Iterable[Array], shape: tuple[int, int]) -> tuple[Ints, Floats]:
    """Sum each of `values` [k][m] per (row, column) below `shape`, in order: cells [c, 2] sorted, sums [c, k]."""
    if not len(rows):
        return np.zeros((0, 2), np.int64), np.zeros((0, len(list(values))))
    width = shape[1]
    key = rows * width + columns
    if _is_small(shape[0] * width, len(rows)):
        filled = np.flatnonzero(np.bincount(key))
        sums = [np.bincount(key, column)[filled] for column in values]
    else:
        filled, place = np.unique(key, return_inverse=True)
        sums = [np.bincount(place, column) for column in values]
    return np.stack([filled // width, filled % width], axis=1), np.stack(sums, axis=1).astype(np.float64)


def per_partition(partitions: Array) -> Counter[int]:
    """Count records by partition."""
    counts = np.bincount(partitions)
    return Counter({place: int(counts[place]) for place in np.flatnonzero(counts).tolist()})


def lowest_per_row(rows: Ints, ids: Array, limit: int, eligible: Array) -> Ints:
    """Choose up to `limit` places of each row: those with the lowest ids, which are hashes, so any order agrees."""
    places: Ints = np.flatnonzero(eligible)
    if not len(places):
        return places
    places = places[np.lexsort((ids[places], rows[places]))]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(rows[places]) != 0]))
    rank = np.arange(len(places)) - np.repeat(starts, np.diff(np.append(starts, len(places))))
    return np.asarray(places[rank < limit])


def _is_small(cells: int, counted: int) -> bool:
    return cells <= _SMALL + _EACH * counted
