"""Who asks: which held-out rows become requests. Usually all alike; a fault may send others.

`drift`: the population moves along the first principal component of its standardised features. Rows are drawn towards
the component's low end, and every feature is shifted up along it, by twice the component's spread at full strength:
the newcomers read like the old high end and are not, so that the model is sure of the wrong thing, or unsure.
`mix`: nothing new comes, but rows that are easy to tell apart come more often: a change without harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosstide.lab.data import Array

#: At full strength, in spreads of the component: how far features move, and how far the rows drawn move the other way.
SHIFT_SPREADS = 2.0
TILT_SPREADS = 1.0
#: At full strength, in spreads of the margin: how far the rows drawn move towards the easy ones.
EASE_SPREADS = 1.0


@dataclass(frozen=True)
class Population:
    """`chances` of the rows, summed up; `shift` of each feature in units of its spread, or None."""

    chances: Array
    shift: list[float] | None = None

    def row(self, rng: np.random.Generator) -> int:
        """Draw a row."""
        place = int(np.searchsorted(self.chances, rng.random(), side="right"))
        return min(place, len(self.chances) - 1)


def population(held: Array, labels: Array, spec: Mapping[str, Any] | None) -> Population:
    """Make the population that a spec orders (`mode`, `strength` 0..1; None: all rows alike).

    `held` is (rows, features), `labels` are classes or numbers, one a row. ValueError for an unknown mode.
    """
    if spec is None:
        return Population(_chances(np.zeros(len(held))))
    if spec["mode"] == "drift":
        return _drifted(held, float(spec["strength"]))
    if spec["mode"] == "mix":
        return Population(_chances(EASE_SPREADS * float(spec["strength"]) * _standard(margins(held, labels))))
    raise ValueError(f"unknown mode of a population {spec['mode']!r}: drift or mix")


def margins(held: Array, labels: Array) -> Array:
    """Say how easy each row is: how much nearer its own class's centroid is than the nearest other one.

    Numbers are taken as two classes, the lower and the upper half.
    """
    rows = _standard(held)
    names = (labels >= np.median(labels)) if labels.dtype.kind == "f" else labels
    classes, own = np.unique(names, return_inverse=True)
    centroids = np.array([rows[own == i].mean(axis=0) for i in range(len(classes))])
    distances = np.linalg.norm(rows[:, None, :] - centroids, axis=2)
    is_own = own[:, None] == np.arange(len(classes))
    margin: Array = np.where(is_own, np.inf, distances).min(axis=1) - distances[is_own]
    return margin


def _drifted(held: Array, strength: float) -> Population:
    rows = _standard(held)
    loadings = np.linalg.svd(rows, full_matrices=False)[2][0]
    # a principal component has no sign of its own: up is where its largest loading goes up
    loadings = loadings * np.sign(loadings[np.abs(loadings).argmax()])
    places = rows @ loadings
    shift = SHIFT_SPREADS * strength * places.std() * loadings
    return Population(_chances(-TILT_SPREADS * strength * _standard(places)), [float(s) for s in shift])


def _standard(values: Array) -> Array:
    spread = values.std(axis=0)
    standard: Array = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return standard


def _chances(logarithms: Array) -> Array:
    """Sum up the chances whose logarithms (but for a constant) are given: the tilted distribution of the rows."""
    weights = np.exp(logarithms - logarithms.max())
    chances: Array = np.cumsum(weights / weights.sum())
    return chances
