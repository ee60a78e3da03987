"""Strings by number: each name once, and a code for each row."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Array, narrow


@dataclass(frozen=True)
class Names:
    """Different `names`, and the place in them of each row's, `codes` [n]; -1 for none."""

    names: list[str]
    codes: Array

    @classmethod
    def of(cls, column: Sequence[str]) -> "Names":
        """Number a column; the names are in order."""
        names = sorted(set(column))
        place = {name: at for at, name in enumerate(names)}
        return cls(names, np.fromiter(map(place.__getitem__, column), np.int64, len(column)))

    def at(self, rows: Array) -> "Names":
        """Answer some rows, or all in another order."""
        return Names(self.names, self.codes[rows])

    def part(self, start: int, stop: int) -> tuple[Array, list[str]]:
        """Answer the codes from `start` to `stop`, renumbered so that no name is there in vain."""
        codes = self.codes[start:stop]
        used = np.flatnonzero(np.bincount(codes + 1, minlength=len(self.names) + 1)[1:])
        table = np.full(len(self.names) + 1, -1, np.int64)  # code -1 finds the last entry
        table[used] = np.arange(len(used))
        return narrow(table)[codes], [self.names[place] for place in used.tolist()]


def numbered(values: Sequence[str]) -> Names:
    """Number names in the order in which they first come."""
    index: dict[str, int] = {}
    codes = [index.setdefault(value, len(index)) for value in values]
    return Names(list(index), np.array(codes, np.int64))


def united(lists: Sequence[Sequence[str]]) -> tuple[list[str], list[Array]]:
    """Give the names of several lists one numbering, in order of the names; answer it, and each list's codes in it."""
    union = sorted({name for names in lists for name in names})
    index = {name: code for code, name in enumerate(union)}
    return union, [np.array([index[name] for name in names], np.int64) for names in lists]


def hash_bucket(name: str, count: int) -> int:
    """Answer which of `count` buckets a name is in: the same in every process, for state is kept by it."""
    return zlib.crc32(name.encode()) % count
