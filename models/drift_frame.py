"""Drift signals of a frame: what a window's requests add to the bins of the frozen baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.drift import BINS, DriftSeries, share_of
from models.drift_sample import Observed
from models.drift_stats import psi_of
from models.frame import Floats, Frame, Ints
from models.histogram import linear_centres

CONFIDENCE, PREDICTION, CLASSES = "confidence.psi", "prediction.psi", "class.psi"
UNSEEN, ABSENT = "class.unseen_share", "inputs.absent_share"
FEATURE, PSI, MISSING = "feature.", ".psi", ".missing_rate"
#: signal -> its frozen baseline, for one subject
Profile = Mapping[str, DriftSeries]


@dataclass(frozen=True)
class DriftFrame(Frame):
    """A frame whose rows `drift_rows` [k] have a frozen baseline, and their counts in its bins [k, BINS]."""

    drift_rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    tallies: Floats = field(default_factory=lambda: np.zeros((0, BINS)))


def with_drift(frame: Frame, profiles: Mapping[str, Profile]) -> Frame:
    """Answer the frame with its drift signals, or as it is where no subject has a profile.

    The value of a `.psi` row is the PSI of this window alone, less what chance makes of it, and 0 at least. A feature
    that a profile knows and that no answer carries gets the row of its missing rate here: 1.0.
    """
    told = [
        (subject, signal, series, counts)
        for subject, sample in sorted(frame.samples.items())
        if isinstance(sample, Observed)
        for signal, series in profiles.get(subject, {}).items()
        if (counts := tally(sample, signal, series)).any()
    ]
    if not told:
        return frame
    subjects, signals, series, counted = zip(*told, strict=True)
    tallies = np.stack(counted)
    values, errors = _values(series, tallies)
    row_of = {pair: row for row, pair in enumerate(zip(frame.subjects, frame.signals, strict=True))}
    fresh = [at for at, pair in enumerate(zip(subjects, signals, strict=True)) if pair not in row_of]
    row_of.update({(subjects[at], signals[at]): len(frame.values) + place for place, at in enumerate(fresh)})
    return DriftFrame(
        subjects=[*frame.subjects, *(subjects[at] for at in fresh)],
        signals=[*frame.signals, *(signals[at] for at in fresh)],
        values=np.concatenate([frame.values, values[fresh]]),
        counts=np.concatenate([frame.counts, tallies.sum(axis=1)[fresh].astype(np.int64)]),
        errors=np.concatenate([frame.errors, errors[fresh]]),
        samples=frame.samples,
        services=frame.services,
        drift_rows=np.array([row_of[pair] for pair in zip(subjects, signals, strict=True)], np.int64),
        tallies=tallies,
    )


def is_drift(signal: str) -> bool:
    """Tell whether a signal exists only beside a frozen baseline."""
    return signal.endswith(PSI) or signal in (UNSEEN, ABSENT)


def tally(sample: Observed, signal: str, series: DriftSeries) -> Floats:
    """Count a window in a baseline's bins: [BINS], all 0 where the window has nothing to count."""
    if signal == ABSENT:
        return share_of(sample.n - sample.with_features, sample.n)
    if signal == UNSEEN:
        known = set(series.names)
        unseen = sum(count for name, count in sample.classes.items() if name not in known)
        return share_of(unseen, sum(sample.classes.values()))
    if signal == CLASSES:
        return series.of_names(sample.classes)
    if signal.endswith(MISSING):
        name = signal[len(FEATURE) : -len(MISSING)]
        return share_of(sample.with_features - sample.present.get(name, 0), sample.with_features)
    return series.of_numbers(*numbers(sample, signal))


def numbers(sample: Observed, signal: str) -> tuple[Floats, Floats]:
    """Values [k] behind a numeric drift signal, and how often each stands."""
    if signal == CONFIDENCE:
        bins = np.flatnonzero(sample.confidence)
        return linear_centres(bins), sample.confidence[bins].astype(np.float64)
    if signal == PREDICTION:
        values = sample.predictions
    else:
        name = signal[len(FEATURE) : -len(PSI)]
        column = sample.features.index(name) if name in sample.features else None
        values = np.zeros(0) if column is None else sample.vectors[:, column]
        values = values[~np.isnan(values)]
    return values, np.ones(len(values))


def _values(series: tuple[DriftSeries, ...], tallies: Floats) -> tuple[Floats, Floats]:
    """What each row says of this window, and its sampling error."""
    told = psi_of(np.stack([one.reference for one in series]), tallies)
    whole = tallies.sum(axis=1)
    smoothed = (tallies[:, 0] + 1) / (whole + 2)
    share = np.array([one.kind == "share" for one in series])
    values = np.where(share, tallies[:, 0] / whole, np.maximum(told.psi - told.chance, 0.0))
    spread = np.sqrt(2 * np.maximum(told.bins - 1, 1)) / told.size
    return values, np.where(share, np.sqrt(smoothed * (1 - smoothed) / (whole + 2)), spread)
