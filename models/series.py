"""What is remembered of many series at once: one row per series, one array per thing remembered. A plain value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

    @classmethod
    def empty(cls) -> "SeriesTable":
        """Answer a table without rows."""
        return cls([], {})

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
        index = {key: row for row, key in enumerate(self.keys)}
        fresh = [key for key in dict.fromkeys(keys) if key not in index]
        index.update({key: len(self.keys) + place for place, key in enumerate(fresh)})
        total = len(index)
        columns = {name: self._grown(name, width, fill, total) for name, (width, fill) in layout.items()}
        return SeriesTable(list(index), columns), np.array([index[key] for key in keys], np.int64)

    def _grown(self, name: str, width: int | None, fill: float, total: int) -> Array:
        grown = np.full((total,) if width is None else (total, width), fill)
        kept = self.columns.get(name)
        if kept is not None and kept.shape[1:] == grown.shape[1:]:
            grown[: len(kept)] = kept
        return grown

    def without(self, stale: Array) -> "SeriesTable":
        """Answer the table without the rows marked in `stale` [rows] bool."""
        keep = np.flatnonzero(~stale)
        return SeriesTable([self.keys[row] for row in keep], {n: c[keep] for n, c in self.columns.items()})
