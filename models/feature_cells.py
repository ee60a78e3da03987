"""The features of many records, sparse: how many each record has, and name and value of each, record by record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from models.columns import Array, bounded
from models.name_codes import Names
from models.records import Feature

#: In place of a feature that is null, until it is left out; JSON cannot write it.
_NULL = float("inf")
_NAN = float("nan")


@dataclass(frozen=True)
class FeatureCells:
    """`counts` [n]: features that are present in each record; name and number (NaN: a category) of each in turn."""

    counts: Array
    name: Names
    value: Array

    def at(self, order: Array) -> "FeatureCells":
        """Answer the cells of the records in another order."""
        counts = self.counts[order]
        cells = ranges((np.cumsum(self.counts) - self.counts)[order], counts)
        return FeatureCells(counts, self.name.at(cells), self.value[cells])


def cells_of(features: Sequence[Mapping[str, Feature] | None]) -> FeatureCells:
    """Lay out the features of records [n].

    The names of a record are looked up at once: there are few combinations of names, and many records of each.
    """
    shapes: dict[tuple[str, ...], int] = {}
    given = [each or {} for each in features]
    shape = np.array([shapes.setdefault(names, len(shapes)) for names in map(tuple, given)], np.int64)
    index: dict[str, int] = {}
    codes = np.array([index.setdefault(name, len(index)) for name in chain.from_iterable(shapes)], np.int64)
    sizes = np.array([len(names) for names in shapes], np.int64)
    counts = sizes[shape]
    names = codes[ranges((np.cumsum(sizes) - sizes)[shape], counts)]
    told = list(chain.from_iterable([each.values() for each in given]))
    # a category is present but has no number; so is a truth value, whose class is another than int
    values = [
        one if (kind := one.__class__) is float or kind is int else _NULL if one is None else _NAN for one in told
    ]
    return _without_nulls(counts, Names(list(index), names), np.array(values, np.float64))


def ranges(starts: Array, counts: Array) -> Array:
    """Answer start, start + 1, ... (as many as `counts` says) for each start, one after the other."""
    shift = starts - (np.cumsum(counts) - counts)
    return np.asarray(np.repeat(shift, counts) + np.arange(int(counts.sum())))


def _without_nulls(counts: Array, name: Names, values: Array) -> FeatureCells:
    present = values != _NULL
    if not present.all():
        rows = np.repeat(np.arange(len(counts)), counts)
        counts = np.bincount(rows[present], minlength=len(counts))
        name, values = name.at(np.flatnonzero(present)), values[present]
    return FeatureCells(counts, name, bounded(values))
