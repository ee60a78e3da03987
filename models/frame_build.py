"""Builds a frame from columns: the values of one signal, or of many, for any number of subjects at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import LARGEST, Array
from models.frame import Floats, Frame, Ints, Sample
from models.name_codes import Names, united


@dataclass(frozen=True)
class _Part:
    """Rows added together; aligned arrays."""

    subjects: Names
    signals: Names
    values: Floats
    counts: Ints
    errors: Floats


class FrameBuilder:
    """Collects rows of a frame."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self.samples: dict[str, Sample] = {}
        self.services: dict[str, list[str]] = {}

    def add(self, subject: str, signal: str, value: float, count: int, error: float = 0.0) -> None:
        """Add one signal of one subject."""
        one = np.zeros(1, np.int64)
        self.extend(
            Names([subject], one), Names([signal], one), np.array([value]), np.array([count]), np.array([error])
        )

    def extend(
        self, subjects: Names, signals: Names, values: Array, counts: Array, errors: Array | None = None
    ) -> None:
        """Add rows; values no larger than `LARGEST`; one that is not finite is left out, so that its row is absent."""
        known = np.isfinite(values)
        errors = np.zeros(len(values)) if errors is None else errors
        if not known.all():
            subjects, signals = (part.at(known) for part in (subjects, signals))
            values, counts, errors = values[known], counts[known], errors[known]
        cut = np.clip(values.astype(np.float64), -LARGEST, LARGEST)
        self._parts.append(_Part(subjects, signals, cut, counts.astype(np.int64), errors))

    def build(self) -> Frame:
        """Answer the frame, rows sorted by subject and signal."""
        subjects, signals = _joined([p.subjects for p in self._parts]), _joined([p.signals for p in self._parts])
        values = np.concatenate([np.zeros(0), *(part.values for part in self._parts)])
        counts = np.concatenate([np.zeros(0, np.int64), *(part.counts for part in self._parts)])
        errors = np.concatenate([np.zeros(0), *(part.errors for part in self._parts)])
        key = subjects.codes * len(signals.names) + signals.codes
        order = np.argsort(key, kind="stable")
        if (key[order[1:]] == key[order[:-1]]).any():  # one metric of two kinds
            order = np.lexsort((errors, counts, values, key))
        return Frame(
            subjects=[subjects.names[code] for code in subjects.codes[order].tolist()],
            signals=[signals.names[code] for code in signals.codes[order].tolist()],
            values=values[order],
            counts=counts[order],
            errors=errors[order],
            samples=self.samples,
            services=self.services,
        )


def _joined(parts: Sequence[Names]) -> Names:
    """Put columns together, with one numbering in order of the names."""
    lists = {id(part.names): part.names for part in parts}  # most columns share one list
    names, numbered = united(list(lists.values()))
    tables = dict(zip(lists, numbered, strict=True))
    codes = [tables[id(part.names)][part.codes] for part in parts]
    return Names(names, np.concatenate([np.zeros(0, np.int64), *codes]))
