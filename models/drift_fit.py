"""Learns the frozen baselines of a service from windows of a quiet time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from models.drift import DriftSeries, of_names, of_numbers, share_of
from models.drift_count import numbers, tally
from models.drift_profile import ABSENT, CLASSES, CONFIDENCE, FEATURE, MISSING, PREDICTION, PSI, UNSEEN
from models.drift_recent import HALF_LIFE, LEAST, decay, effective
from models.drift_sample import Observed, merged
from models.drift_stats import overdispersion_of
from models.frame import Floats, Frame

#: A period is cut in so many pieces; each is compared with the others, to see how much the service moves by itself.
PIECES = 3
#: More classes than these are no classes: whether one is new then says nothing.
MOST_CLASSES = 1000


def drift_profiles(frames: Sequence[Frame], quiet_share: float, most: int) -> dict[str, dict[str, DriftSeries]]:
    """Answer subject -> signal -> baseline from windows in time order that do not overlap.

    What a service does not carry (features, confidence, classes), or carries fewer than `LEAST` times, has no baseline.
    `quiet_share` of the windows are taken to be quiet; `most` features of a service are kept, in name order.
    """
    by_subject: dict[str, list[Observed]] = {}
    for frame in frames:
        for subject, sample in frame.samples.items():
            if isinstance(sample, Observed):
                by_subject.setdefault(subject, []).append(sample)
    profiles = {subject: _learned(windows, quiet_share, most) for subject, windows in sorted(by_subject.items())}
    return {subject: profile for subject, profile in profiles.items() if profile}


def _learned(windows: Sequence[Observed], quiet_share: float, most: int) -> dict[str, DriftSeries]:
    moves = _overdispersion(windows, quiet_share, most)
    whole = frozen(merged(windows), most)
    return {signal: replace(series, overdispersion=moves.get(signal, 1.0)) for signal, series in whole.items()}


def frozen(whole: Observed, most: int) -> dict[str, DriftSeries]:
    """Freeze everything that a period has enough of, `most` features at most; overdispersion is not known yet."""
    features = sorted(whole.present)[:most]
    profile: dict[str, DriftSeries] = {}
    if whole.with_features >= LEAST:
        profile[ABSENT] = _share(whole.n - whole.with_features, whole.n)
        for name in features:
            missing = whole.with_features - whole.present[name]
            profile[f"{FEATURE}{name}{MISSING}"] = _share(missing, whole.with_features)
    for signal in (CONFIDENCE, PREDICTION, *(f"{FEATURE}{name}{PSI}" for name in features)):
        values, weights = numbers(whole, signal)
        if weights.sum() >= LEAST:
            profile[signal] = of_numbers(values, weights)
    total = sum(whole.classes.values())
    if total >= LEAST and len(whole.classes) <= MOST_CLASSES:
        profile[CLASSES] = of_names(whole.classes)
        # as many are to come that were never seen as were seen once (Good, Biometrika 1953)
        once = sum(count == 1 for count in whole.classes.values())
        profile[UNSEEN] = replace(_share(once, total), names=tuple(sorted(whole.classes)))
    return profile


def _share(part: int, whole: int) -> DriftSeries:
    return DriftSeries("share", tuple(share_of(part, whole)[:2].tolist()))


def _overdispersion(windows: Sequence[Observed], quiet_share: float, most: int) -> Mapping[str, float]:
    """Signal -> how much more it moves than by chance, judged on windows that its baseline does not hold."""
    recents: dict[str, list[tuple[Floats, Floats, str]]] = {}
    bounds = [len(windows) * piece // PIECES for piece in range(PIECES + 1)]
    for start, end in pairwise(bounds):
        others = [*windows[:start], *windows[end:]]
        if not others or start == end:
            continue
        for signal, series in frozen(merged(others), most).items():
            found = _recent(windows[start:end], signal, series)
            recents.setdefault(signal, []).append((np.tile(series.reference, (len(found), 1)), found, series.kind))
    answer = {}
    for signal, parts in recents.items():
        reference, recent = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        if len(recent):
            answer[signal] = overdispersion_of(reference, recent, parts[0][2], quiet_share)
    return answer


def _recent(windows: Sequence[Observed], signal: str, series: DriftSeries) -> Floats:
    """Replay what the detector would remember: effective counts [windows, BINS] wherever there are enough."""
    counts, squares = np.zeros((1, len(series.reference))), np.zeros(1)
    found = [np.zeros((0, len(series.reference)))]
    for window in windows:
        counts, squares = decay(counts, squares, tally(window, signal, series)[None], HALF_LIFE)
        recent = effective(counts, squares)
        if recent.sum() >= LEAST:
            found.append(recent)
    return np.concatenate(found)
