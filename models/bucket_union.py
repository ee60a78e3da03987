"""Several buckets worked on as one, for the time of a window: what a call of numpy costs is then paid once for all.

Nothing that is worked out of one subject hangs on another, so that the buckets can be told apart again, and hold what
they would hold had each been worked on alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

import numpy as np

from models.bucket_memory import Memory, Pane
from models.series import SeriesTable

#: Subjects worked on as one. More gain little, and every vector of a sample is as long as all their features.
TOGETHER = 128
_NOTHING: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Piece(Generic[Pane]):
    """What one bucket brings to the end of a window: its memory, and blobs (start of the pane in epoch ms, bytes)."""

    memory: Memory[Pane] = field(default_factory=Memory[Pane])
    blobs: Sequence[tuple[int, bytes]] = ()


def unions(pieces: Mapping[str, Piece[Pane]]) -> Iterator[dict[str, Piece[Pane]]]:
    """Put buckets together, in their order, while they are small and remember the same of a series."""
    union: dict[str, Piece[Pane]] = {}
    subjects, layout = 0, _NOTHING
    for key, piece in pieces.items():
        more, mine = len(piece.memory.usual), _layout(piece.memory.table)
        alike = layout == mine or _NOTHING in (layout, mine)
        if union and not (alike and subjects + more <= TOGETHER):
            yield union
            union, subjects, layout = {}, 0, _NOTHING
        union[key] = piece
        subjects, layout = subjects + more, mine or layout
    if union:
        yield union


def _layout(table: SeriesTable) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Answer names and widths of the columns; those of a table without rows do not matter."""
    return tuple((name, column.shape[1:]) for name, column in table.columns.items()) if table.keys else _NOTHING


def joined(tables: Iterable[SeriesTable]) -> SeriesTable:
    """Put tables of the same columns one below the other."""
    full = [table for table in tables if table.keys]
    if len(full) <= 1:
        return full[0] if full else SeriesTable.empty()
    columns = {name: np.concatenate([table.columns[name] for table in full]) for name in full[0].columns}
    return SeriesTable([key for table in full for key in table.keys], columns)


def apart(table: SeriesTable, tables: Mapping[str, SeriesTable], owners: Mapping[str, str]) -> dict[str, SeriesTable]:
    """Tell a table that was joined from `tables`, by bucket, apart again; `owners`: the bucket of each subject."""
    if len(tables) == 1:
        return dict.fromkeys(tables, table)
    known = {name: key for key, each in tables.items() for name in each.keys}
    rows: dict[str, list[int]] = {key: [] for key in tables}
    for row, name in enumerate(table.keys):
        rows[known.get(name) or owners[_subject(name, owners)]].append(row)
    return {key: table.at(mine) for key, mine in rows.items()}


def _subject(name: str, known: Mapping[str, str]) -> str:
    """Answer the subject that a series' name (subject, space, signal) begins with; both may have spaces in them."""
    subject, _, rest = name.partition(" ")
    while subject not in known:
        more, space, rest = rest.partition(" ")
        if not space:
            raise ValueError(f"the series {name!r} belongs to no subject that is known")
        subject = f"{subject} {more}"
    return subject
