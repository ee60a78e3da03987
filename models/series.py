"""What is remembered of many series at once: one row per series, one array per thing remembered. A plain value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.columns import Array, pack, unpack
from models.frame import Ints

#: name -> (width or None for a plain column, value of a fresh row)
Layout = Mapping[str, tuple[int | None, float]]


@dataclass(frozen=True)
class SeriesTable:
    """Rows by series name; every column is float64 [rows] or [rows, width]."""

    keys: list[str]
    columns: dict[str, Array]
    _places: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def empty(cls) -> "SeriesTable":
        """Answer a table without rows."""
        return cls([], {})

    @property
    def places(self) -> Mapping[str, int]:
        """Row by series name."""
        return self._places or {key: row for row, key in enumerate(self.keys)}

    def pack(self) -> bytes:
        """Encode as bytes, for state."""
        return pack({"": self.keys, **self.columns})

    @classmethod
    def unpack(cls, data: bytes) -> "SeriesTable":
        """Decode what `pack` wrote."""
        columns = unpack(data)
        return cls(columns.pop(""), columns)

    def with_rows(self, keys: Sequence[str], layout: Layout) -> tuple["SeriesTable", Ints]:
        """Answer a table that has these rows and the layout's columns, and the row of each key.

        A column that the layout no longer names is dropped; a new one starts fresh: state is named by what computes it.
        """
        index = self.places
        rows = np.fromiter((index.get(key, -1) for key in keys), np.int64, len(keys))
        if (rows < 0).any():
            fresh = [key for key in dict.fromkeys(keys) if key not in index]
            index = {**index, **{key: len(self.keys) + place for place, key in enumerate(fresh)}}
            rows = np.fromiter((index[key] for key in keys), np.int64, len(keys))
        columns = {name: self._grown(name, width, fill, len(index)) for name, (width, fill) in layout.items()}
        return SeriesTable(self.keys if len(index) == len(self.keys) else list(index), columns, index), rows

    def _grown(self, name: str, width: int | None, fill: float, total: int) -> Array:
        shape = (total,) if width is None else (total, width)
        kept = self.columns.get(name)
        if kept is not None and kept.shape == shape:
            return kept
        grown = np.full(shape, fill)
        if kept is not None and kept.shape[1:] == shape[1:]:
            grown[: len(kept)] = kept
        return grown

    def learned(self, rows: Ints, columns: Mapping[str, Array]) -> "SeriesTable":
        """Answer the table with the values of some rows replaced, in the columns that are given."""
        return SeriesTable(
            self.keys, {n: _with(c, rows, columns.get(n)) for n, c in self.columns.items()}, self._places
        )

    def without(self, stale: Array) -> "SeriesTable":
        """Answer the table without the rows marked in `stale` [rows] bool."""
        return self.at(np.flatnonzero(~stale).tolist())

    def at(self, rows: Sequence[int]) -> "SeriesTable":
        """Answer a table of some rows, in this order."""
        places = np.array(rows, np.int64)
        return SeriesTable([self.keys[row] for row in rows], {n: c[places] for n, c in self.columns.items()})


def _with(column: Array, rows: Ints, learned: Array | None) -> Array:
    if learned is None:
        return column
    changed = column.copy()
    changed[rows] = learned
    return changed
