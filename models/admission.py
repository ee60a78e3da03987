"""A cap on the subjects that a bucket tracks: those that are known stay, new ones come in while there is room.

A flood of new names therefore costs the flood, not those that were there. Which of several new names of one pane are
let in does not depend on their order: the first by name. What is refused is counted, by partition, and said.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import Array, pack, unpack
from models.telemetry_blob import SEPARATOR

#: Columns with one entry for the whole blob, and with one for each feature of a record: `cells` says how many it has.
WHOLE, CELLS = ("start",), ("feature_name", "feature_value")


@dataclass(frozen=True)
class Naming:
    """How the blobs of a stream name their subjects: the column of codes, that of names, and a name's subject."""

    codes: str
    names: str
    subject: Callable[[str], str]


MODEL = Naming("service", "services", "service/{}".format)
TELEMETRY = Naming("series", "names", lambda name: name.partition(SEPARATOR)[0])


@dataclass(frozen=True)
class Admitted:
    """What may be folded, of which subjects. `dropped`: partition -> records refused, of the subjects `refused`.

    A blob of which nothing is left is not among `blobs`.
    """

    blobs: list[bytes]
    subjects: set[str]
    dropped: Counter[int]
    refused: set[str]


def admit(blobs: Sequence[bytes], known: set[str], most: int, naming: Naming) -> Admitted:
    """Let in the blobs' records of known subjects, and of new ones while there are fewer than `most`."""
    unpacked = [unpack(blob) for blob in blobs]
    named = {naming.subject(name) for columns in unpacked for name in columns[naming.names]}
    refused = set(sorted(named - known)[max(0, most - len(known)) :])
    if not refused:
        return Admitted(list(blobs), named, Counter(), refused)
    dropped, left = Counter[int](), list[bytes]()
    for columns in unpacked:
        stays = np.array([naming.subject(name) not in refused for name in columns[naming.names]], bool)
        keep: Array = stays[columns[naming.codes]]
        dropped.update(columns["partition"][~keep].tolist())
        if keep.any():
            left.append(pack(_kept(columns, keep) | _renamed(columns, naming, stays, keep)))
    return Admitted(left, named - refused, dropped, refused)


def _kept(columns: dict[str, Any], keep: Array) -> dict[str, Any]:
    """Leave out records; a column that no record has a value in is empty, and stays so."""
    of_cells = np.repeat(keep, columns["cells"]) if "cells" in columns else keep
    kept: dict[str, Any] = {}
    for name, column in columns.items():
        whole = name in WHOLE or isinstance(column, list) or not len(column)
        kept[name] = column if whole else column[of_cells if name in CELLS else keep]
    return kept


def _renamed(columns: dict[str, Any], naming: Naming, stays: Array, keep: Array) -> dict[str, Any]:
    """Number the names that are left."""
    renumbered = (np.cumsum(stays) - 1).astype(columns[naming.codes].dtype)
    names = [name for name, stay in zip(columns[naming.names], stays.tolist(), strict=True) if stay]
    return {naming.codes: renumbered[columns[naming.codes][keep]], naming.names: names}
