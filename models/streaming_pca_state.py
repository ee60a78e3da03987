"""What streaming PCA remembers of a subject, as rows of the table of series.

A row sees only the signals of the present window, so nothing may rest on a row that is absent: every present row holds
what the subject shares, and the row with the latest clock is believed. A signal has a slot: the column that others keep
their covariance with it in. Two rows that took the same slot while apart: the longer known keeps it, the other begins
again. Two rows that disagree on their covariance: the value nearer zero counts, zero if the signs differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from models.columns import Array
from models.frame import Floats, Ints
from models.series import Layout, SeriesTable
from models.streaming_pca_part import Part, Shared


@dataclass(frozen=True)
class Note:
    """What a subject's basis is, and what last changed it: `turned` names signals by how much, most first (0..1)."""

    shared: Shared
    turned: list[tuple[str, float]]


OWN = ("slot", "counts", "mean", "members", "values", "turned")
CLOCK, ERA = 0, 1


class Keeper:
    """Finds and files the parts of subjects: at most `slots` signals each; a row `horizon` windows old is stale."""

    def __init__(self, slots: int, horizon: int) -> None:
        self._slots, self._horizon = slots, horizon
        self._names = [f"pca/{horizon}/{slots}/{name}" for name in ("covariance", "vectors", "own", "shared")]

    @property
    def layout(self) -> Layout:
        """Four columns; state of other settings starts fresh."""
        widths = (self._slots, self._slots - 1, len(OWN), len(fields(Shared)))
        return {name: (width, 0.0) for name, width in zip(self._names, widths, strict=True)}

    def recall(self, memory: Mapping[str, Array], rows: Ints) -> Part:
        """Answer what is known of one subject's present rows; earlier rows are preferred where slots run short."""
        wide, vectors, own, common = (memory[name][rows] for name in self._names)
        shared = Shared(*common[common[:, CLOCK].argmax()].tolist())
        stale = (common[:, ERA] != shared.era) | (shared.clock - common[:, CLOCK] > self._horizon)
        fresh = stale | (own[:, 0] == 0) | _robbed(own[:, 0], own[:, 1])
        if fresh.any():
            for column in (wide, vectors, own):
                column[fresh] = 0.0
            own[fresh, 0] = _free(own[~fresh, 0], wide, int(fresh.sum()), self._slots)
            wide[:, own[fresh & (own[:, 0] > 0), 0].astype(np.int64) - 1] = 0.0
        order = np.argsort(own[:, 0], kind="stable")
        order = order[own[order, 0] > 0]
        slots, counts, mean, members, values, turned = np.ascontiguousarray(own[order].T)
        slotted = slots.astype(np.int64) - 1
        return Part(rows[order], slotted, counts, mean, members, values, turned, vectors[order], wide[order], shared)

    def file(self, columns: Mapping[str, Array], part: Part) -> None:
        """Write a part into the columns of a window, in place."""
        own = np.stack([part.slots + 1.0, *(getattr(part, name) for name in OWN[1:])], axis=1)
        shared = np.array(list(vars(part.shared).values()))
        for name, value in zip(self._names, (part.wide, part.vectors, own, shared), strict=True):
            columns[name][part.rows] = value

    def notes(self, table: SeriesTable) -> dict[str, Note]:
        """Answer subject -> what its basis is and what last changed it, for those that have one."""
        own, common = (table.columns[name] for name in self._names[2:])
        by_subject: dict[str, list[int]] = {}
        for row, key in enumerate(table.keys):
            by_subject.setdefault(key.partition(" ")[0], []).append(row)
        notes = {}
        for subject, rows in sorted(by_subject.items()):
            lead = max(rows, key=lambda row: (common[row, CLOCK], own[row, 3]))
            if own[lead, 3]:
                mine = [row for row in rows if own[row, 3] == own[lead, 3] and common[row, ERA] == common[lead, ERA]]
                told = sorted(((table.keys[row].partition(" ")[2], float(own[row, 5])) for row in mine), key=_most)
                notes[subject] = Note(Shared(*common[lead].tolist()), told)
        return notes


def _most(told: tuple[str, float]) -> tuple[float, str]:
    return -told[1], told[0]


def _robbed(slots: Floats, counts: Floats) -> Array:
    """Mark the rows whose slot another row holds that is known longer, or as long and comes first."""
    order = np.lexsort((-counts, slots))
    again = np.zeros(len(slots), bool)
    again[order[1:]] = slots[order[1:]] == slots[order[:-1]]
    return again


def _free(taken: Floats, wide: Floats, count: int, slots: int) -> Sequence[float]:
    """Answer `count` free slots, from 1; those that no present row remembers first, 0 where none is left."""
    remembered = wide.any(axis=0)
    free = sorted(set(range(1, slots + 1)) - set(taken.tolist()), key=lambda slot: (remembered[slot - 1], slot))
    return (free + [0] * count)[:count]
