"""Blobs of one pane, joined: one numbering of names, one order of records, and duplicates (same service, request id
and time) told apart.

The order hangs on what records say, not on how they came: floating-point sums then add in one order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.columns import Array, unpack
from models.feature_cells import ranges
from models.name_codes import united

_NUMBERS = ("latency", "confidence", "number")


class Joined:
    """Records [n]. `column`: `latency`, `confidence`, `number` (NaN: none), `error`, `has_features`, `class`."""

    def __init__(self, blobs: Sequence[bytes]) -> None:
        parts = [unpack(blob) for blob in blobs]
        self.services, self.service = _recoded(parts, "service", "services")
        self.classes, label = _recoded(parts, "class", "classes")
        self.features, self.feature_name = _recoded(parts, "feature_name", "features")
        self.feature_value = _joined(parts, "feature_value")
        self.cells = _joined(parts, "cells").astype(np.int64)
        self.id, self.partition = _joined(parts, "id"), _joined(parts, "partition")
        self.time = np.concatenate([part["start"] + part["time"] for part in parts])
        self.column: dict[str, Array] = {name: _joined(parts, name) for name in ("has_features", "error")}
        self.column |= {name: np.concatenate([_filled(part, name) for part in parts]) for name in _NUMBERS}
        self.column["class"] = label

    def order(self) -> tuple[Array, Array]:
        """Answer the records [n] by service, time and id, and which of them are the first of equal ones."""
        key = self.service * (int(self.time.max() - self.time.min()) + 1) + (self.time - self.time.min())
        order = np.argsort(key, kind="stable")
        same = key[order][1:] == key[order][:-1]
        if not same.any():
            return order, np.ones(len(order), bool)
        # only among records of one service and millisecond does anything else decide
        tied = np.concatenate([same, [False]]) | np.concatenate([[False], same])
        mine = order[tied]
        mine = mine[np.lexsort((self.id[mine], key[mine]))]
        again = (key[mine][1:] == key[mine][:-1]) & (self.id[mine][1:] == self.id[mine][:-1])
        first = np.ones(len(order), bool)
        if again.any():
            # which of the duplicates counts must not hang on their order, even where they contradict each other
            told = [self.partition, *self._content()]
            mine = mine[np.lexsort((*(column[mine] for column in told), self.id[mine], key[mine]))]
            first[np.flatnonzero(tied)[1:][again]] = False
        order[tied] = mine
        return order, first

    def features_of(self, records: Array) -> tuple[Array, Array, Array]:
        """Answer the features of some records [k]: the place in `records`, name and number of each."""
        counts = self.cells[records]
        cells = ranges((np.cumsum(self.cells) - self.cells)[records], counts)
        return np.repeat(np.arange(len(records)), counts), self.feature_name[cells], self.feature_value[cells]

    def _content(self) -> list[Array]:
        """What records say, as sort keys; features, in whatever order, as one number."""
        rows = np.repeat(np.arange(len(self.time)), self.cells)
        features = (self.feature_name + 1) * (1.0 + np.nan_to_num(self.feature_value))
        told = np.bincount(rows, weights=features, minlength=len(self.time))
        names = ("has_features", "class", "number", "error", "confidence", "latency")
        return [told, *(self.column[name] for name in names)]


def _joined(parts: list[dict[str, Any]], name: str) -> Array:
    return np.concatenate([part[name] for part in parts])


def _filled(part: dict[str, Any], name: str) -> Array:
    """Answer a column of numbers; one that no record of a batch had is empty."""
    column, size = part[name], len(part["time"])
    return np.asarray(column) if len(column) == size else np.full(size, np.nan)


def _recoded(parts: list[dict[str, Any]], codes: str, names: str) -> tuple[list[str], Array]:
    """Give names one numbering: sorted, so that it does not depend on the blobs' order. -1, for none, stays."""
    union, tables = united([part[names] for part in parts])
    coded = zip(tables, parts, strict=True)
    return union, np.concatenate([np.append(table, -1)[part[codes]] for table, part in coded])
