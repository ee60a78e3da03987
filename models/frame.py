"""A frame: the signals of one window, ready to be judged; one row per signal of a subject."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.name_codes import Names

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Different (subject, signal) pairs of a frame, in order: `keys` [pairs], `of` [rows] the pair of each row.

    A key is the subject's code times the number of signals, plus the signal's code. `last` [pairs]: the last row of
    each.
    """

    keys: Ints
    of: Ints
    last: Ints

    def rows(self, keys: Ints) -> Ints:
        """Answer the last row of each pair [k], -1 where the frame has none."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, self.last[places], -1)


@dataclass(frozen=True)
class Sample:
    """Feature vectors of some requests of a subject: [k, features], NaN where a feature is absent."""

    features: list[str]
    vectors: Floats


@dataclass(frozen=True)
class Frame:
    """Signals of a window, aligned arrays [rows]: value, number of records behind it, and its sampling error or 0."""

    subjects: list[str]
    signals: list[str]
    values: Floats
    counts: Ints
    errors: Floats
    samples: dict[str, Sample] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)  # subject -> services that its records named

    @cached_property
    def keys(self) -> list[str]:
        """Names of the series, one per row: subject, space, signal."""
        return [f"{subject} {signal}" for subject, signal in zip(self.subjects, self.signals, strict=True)]

    @cached_property
    def by_subject(self) -> Names:
        """The subjects as numbers, in order of their names."""
        return Names.of(self.subjects)

    @cached_property
    def by_signal(self) -> Names:
        """The signals as numbers, in order of their names."""
        return Names.of(self.signals)

    @cached_property
    def firsts(self) -> Ints:
        """The first row of each subject, in order of their names [subjects]."""
        first = np.full(len(self.by_subject.names), len(self.subjects), np.int64)
        np.minimum.at(first, self.by_subject.codes, np.arange(len(self.subjects)))
        return first

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs of subject and signal; one has two rows where records disagree on the kind of a metric."""
        keys, of = np.unique(self.pair_keys(self.by_subject.codes, self.by_signal.codes), return_inverse=True)
        last = np.full(len(keys), -1, np.int64)
        np.maximum.at(last, of, np.arange(len(of)))
        return Pairs(keys, of, last)

    def pair_keys(self, subjects: Ints, signals: Ints) -> Ints:
        """Answer the key of each pair of codes [k]; -1, for a name that the frame lacks, gives a key that it lacks."""
        keys = subjects * len(self.by_signal.names) + signals
        return np.where((subjects < 0) | (signals < 0), -1, keys)
