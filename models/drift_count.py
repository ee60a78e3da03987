"""One window of one subject, counted in the bins of one frozen baseline."""

import numpy as np

from models.drift import DriftSeries, share_of
from models.drift_profile import ABSENT, CLASSES, CONFIDENCE, FEATURE, MISSING, PREDICTION, PSI, UNSEEN
from models.drift_sample import Observed
from models.frame import Floats
from models.histogram import linear_centres


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
