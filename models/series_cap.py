"""A cap on the series that are remembered of one subject: names of metrics, features and classes come from outside."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import replace

import numpy as np

from models.frame import Frame


def capped(frame: Frame, known: Set[str] | Mapping[str, object], most: int) -> Frame:
    """Leave out new series of subjects of which `most` are known; known series always stay.

    Of several new ones the first by name come in. Subjects whose names agree up to their first space share their room.
    """
    fresh = {key for key in frame.keys if key not in known}
    if not fresh:
        return frame
    held, refused = Counter(map(_group, known)), set[str]()
    for key in sorted(fresh):
        held[_group(key)] += 1
        if held[_group(key)] > most:
            refused.add(key)
    return _without(frame, refused) if refused else frame


def _group(key: str) -> str:
    return key.partition(" ")[0]


def _without(frame: Frame, refused: Set[str]) -> Frame:
    rows = [row for row, key in enumerate(frame.keys) if key not in refused]
    kept = np.array(rows, np.int64)
    return replace(
        frame,
        subjects=[frame.subjects[row] for row in rows],
        signals=[frame.signals[row] for row in rows],
        values=frame.values[kept],
        counts=frame.counts[kept],
        errors=frame.errors[kept],
    )
