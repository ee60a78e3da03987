"""Strings by number: each name once, and a code for each record."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Array, narrow


@dataclass(frozen=True)
class Names:
    """`codes` [n] into `names`, -1 for none."""

    codes: Array
    names: list[str]

    def at(self, order: Array) -> "Names":
        """Answer the codes in another order."""
        return Names(self.codes[order], self.names)

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
    return Names(np.array(codes, np.int64), list(index))
