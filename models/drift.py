"""A frozen distribution: the bins of one signal, and how a quiet time filled them.

Counts in fixed bins are additive and small, so any span of time can be compared with the baseline and no raw value is
kept. Bins follow the baseline's quantiles; a signal of few values has one bin for each of them and one for the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Literal

import numpy as np

from models.frame import Floats, Ints

#: Bins of every distribution; usual for PSI (Yurdakul, PhD thesis, Western Michigan University 2018).
BINS = 10
Kind = Literal["ranges", "values", "names", "share"]


@dataclass(frozen=True)
class DriftSeries:
    """The baseline of one signal, in at most `BINS` bins.

    `ranges`: bin i holds what is above edge i-1 and up to edge i; `values`: one bin for each of `edges`, then one for
    anything else; `names`: likewise for `names`; `share`: what has a property, and what has not (`names`: known ones).
    `counts` of records by bin; `overdispersion` (1 or more): how much more than by chance the signal moves when quiet.
    """

    kind: Kind
    counts: tuple[float, ...]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    overdispersion: float = 1.0

    def __post_init__(self) -> None:
        numbers = (*self.counts, *self.edges, self.overdispersion)
        if not all(map(isfinite, numbers)) or min(self.counts, default=0) < 0 or self.overdispersion < 1:
            raise ValueError("a drift baseline needs finite numbers, counts from 0 and an overdispersion from 1")
        marks = {"ranges": len(self.edges), "values": len(self.edges), "names": len(self.names), "share": 1}
        if len(self.counts) != marks[self.kind] + 1 or len(self.counts) > BINS or sum(self.counts) <= 0:
            raise ValueError(f"a drift baseline of {len(self.counts)} counts does not fit its bins")
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges of a drift baseline must ascend")

    @cached_property
    def reference(self) -> Floats:
        """The baseline's counts [BINS], 0 where there is no bin."""
        return _padded(np.array(self.counts))

    def of_numbers(self, values: Floats, weights: Floats | None = None) -> Floats:
        """Count numbers [k] (finite), each `weights` times, in these bins: [BINS]."""
        edges = np.array(self.edges)
        places = np.searchsorted(edges, values)
        if self.kind == "values":
            known = edges[np.minimum(places, len(edges) - 1)] == values
            places = np.where(known, places, len(edges))
        return _padded(np.bincount(places, weights, len(edges) + 1))

    def of_names(self, counts: Mapping[str, int]) -> Floats:
        """Put counts by name in these bins: [BINS]."""
        known = [counts.get(name, 0) for name in self.names]
        return _padded(np.array([*known, sum(counts.values()) - sum(known)]))


def share_of(part: float, whole: float) -> Floats:
    """Put a share's part and remainder in bins: [BINS]."""
    return _padded(np.array([part, whole - part]))


def of_numbers(values: Floats, weights: Floats) -> DriftSeries:
    """Freeze numbers [k], each `weights` times; k at least 1."""
    distinct, inverse = np.unique(values, return_inverse=True)
    mass = np.bincount(inverse, weights)
    if len(distinct) < BINS:
        return DriftSeries("values", (*mass.tolist(), 0.0), tuple(distinct.tolist()))
    shares = np.arange(1, BINS) / BINS
    cumulated = np.cumsum(mass)
    edges = np.unique(distinct[np.searchsorted(cumulated, shares * cumulated[-1])])
    counts = np.bincount(np.searchsorted(edges, distinct), mass, len(edges) + 1)
    return DriftSeries("ranges", tuple(counts.tolist()), tuple(edges.tolist()))


def of_names(counts: Mapping[str, int]) -> DriftSeries:
    """Freeze counts by name: the commonest have a bin each, and all others share the last."""
    commonest = tuple(sorted(counts, key=lambda name: (-counts[name], name))[: BINS - 1])
    kept = [float(counts[name]) for name in commonest]
    return DriftSeries("names", (*kept, sum(counts.values()) - sum(kept)), names=commonest)


def _padded(counts: Floats | Ints) -> Floats:
    padded = np.zeros(BINS)
    padded[: len(counts)] = counts
    return padded
