"""Windows of many subjects in the bins of their frozen baselines at once; row by row it is `models.drift_fit.tally`."""

from collections.abc import Sequence

import numpy as np

from models.drift import BINS
from models.drift_profile import Compiled
from models.drift_sample import Observed
from models.frame import Floats

Told = tuple[Observed, Compiled, int]


def tallies(samples: Sequence[Observed], profiles: Sequence[Compiled]) -> Floats:
    """Count each subject's window in the bins of its baselines, one after the other: [rows, BINS].

    A row is all 0 where the window has nothing to count.
    """
    starts = np.cumsum([0, *(len(profile.signals) for profile in profiles)]).tolist()
    counted = np.zeros((starts.pop(), BINS))
    told = list(zip(samples, profiles, starts, strict=True))
    _numbers(told, counted)
    _confidences([one for one in told if one[1].confidence is not None], counted)
    _shares(told, counted)
    for sample, profile, start in told:
        if profile.classes is not None:
            counted[start + profile.classes] = profile.series[profile.classes].of_names(sample.classes)
    return counted


def _numbers(told: Sequence[Told], counted: Floats) -> None:
    """Count features and predictions: a row for each baseline, its values beside each other, NaN where none is left."""
    rows = np.concatenate([profile.numeric + start for _, profile, start in told])
    if not len(rows):
        return
    width = max(max(len(sample.vectors), len(sample.predictions)) for sample, _, _ in told)
    values, at = np.full((len(rows), width), np.nan), 0
    for sample, profile, _ in told:
        column = {name: place for place, name in enumerate(sample.features)}
        for name in profile.numbers:
            if name is None:
                values[at, : len(sample.predictions)] = sample.predictions
            elif name in column:
                values[at, : len(sample.vectors)] = sample.vectors[:, column[name]]
            at += 1
    edges = np.concatenate([profile.edges for _, profile, _ in told])
    marks = np.concatenate([profile.marks for _, profile, _ in told])
    places = np.zeros(values.shape, np.int64)
    for edge in range(BINS - 1):
        places += values > edges[:, edge, None]
    exact = np.flatnonzero(marks > 0)
    if len(exact):  # one bin for each value, and the last for anything else
        last = marks[exact, None]
        nearest = np.take_along_axis(edges[exact], np.minimum(places[exact], last - 1), axis=1)
        places[exact] = np.where(nearest == values[exact], places[exact], last)
    cells = (np.arange(len(rows))[:, None] * BINS + places)[~np.isnan(values)]
    counted[rows] = np.bincount(cells, minlength=len(rows) * BINS).reshape(-1, BINS)


def _confidences(told: Sequence[Told], counted: Floats) -> None:
    """Count confidences, which come in linear bins."""
    for sample, profile, start in told:
        assert profile.confidence is not None
        counted[start + profile.confidence] = np.bincount(profile.confidence_bins, sample.confidence, BINS)


def _shares(told: Sequence[Told], counted: Floats) -> None:
    """Count what has a property, and what has not."""
    parts, wholes = list[int](), list[int]()
    for sample, profile, _ in told:
        whole, present = sample.with_features, sample.present
        parts += [whole - present.get(name, 0) for name in profile.missing]
        wholes += [whole] * len(profile.missing)
        if profile.absent:
            parts.append(sample.n - whole)
            wholes.append(sample.n)
        if profile.unseen:
            parts.append(sum(count for name, count in sample.classes.items() if name not in profile.known))
            wholes.append(sum(sample.classes.values()))
    rows = np.concatenate([profile.shares + start for _, profile, start in told])
    counted[rows, 0] = parts
    counted[rows, 1] = np.array(wholes, np.int64) - np.array(parts, np.int64)
