"""Drift signals of a frame: what a window's requests add to the bins of the frozen baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.drift_profile import ABSENT, PSI, UNSEEN, Baseline, Compiled, Profile, Profiles
from models.drift_sample import Observed
from models.drift_stats import psi_of
from models.drift_tally import tallies
from models.frame import Floats, Frame, Ints


@dataclass(frozen=True, kw_only=True)
class DriftFrame(Frame):
    """A frame whose rows `drift_rows` [k] have a frozen baseline, and their counts in its bins [k, BINS]."""

    drift_rows: Ints
    tallies: Floats
    baseline: Baseline


def with_drift(frame: Frame, profiles: Mapping[str, Profile]) -> Frame:
    """Answer the frame with its drift signals, or as it is where no subject has a profile.

    The value of a `.psi` row is the PSI of this window alone, less what chance makes of it, and 0 at least. A feature
    that a profile knows and that no answer carries gets the row of its missing rate here: 1.0.
    """
    known = profiles if isinstance(profiles, Profiles) else Profiles(profiles)
    told: list[tuple[str, Observed, Compiled]] = []
    for subject, sample in sorted(frame.samples.items()):
        profile = known.compiled(subject)
        if profile is not None and isinstance(sample, Observed):
            told.append((subject, sample, profile))
    if not told:
        return frame
    counted = tallies([sample for _, sample, _ in told], [profile for _, _, profile in told])
    keep = np.flatnonzero(counted.any(axis=1))
    if not len(keep):
        return frame
    pairs = [(subject, profile.signals) for subject, _, profile in told]
    baseline = Baseline.joined([profile.baseline for _, _, profile in told])
    return _extended(frame, pairs, keep, counted[keep], baseline.at(keep))


def _extended(
    frame: Frame, pairs: Sequence[tuple[str, tuple[str, ...]]], keep: Ints, counted: Floats, baseline: Baseline
) -> Frame:
    """Add a row for each of the pairs (subject, its signals) that is kept and that the frame lacks."""
    values, errors = _values(baseline, counted)
    rows = frame.pairs.rows(_keys(frame, pairs)[keep])
    fresh = np.flatnonzero(rows < 0)
    rows[fresh] = len(frame.values) + np.arange(len(fresh))
    sizes = np.array([len(signals) for _, signals in pairs])
    owners, starts = np.repeat(np.arange(len(pairs)), sizes), np.cumsum(sizes) - sizes
    added = keep[fresh]
    places = zip(owners[added].tolist(), (added - starts[owners[added]]).tolist(), strict=True)
    told = [(pairs[owner][0], pairs[owner][1][place]) for owner, place in places]
    return DriftFrame(
        subjects=[*frame.subjects, *(subject for subject, _ in told)],
        signals=[*frame.signals, *(signal for _, signal in told)],
        values=np.concatenate([frame.values, values[fresh]]),
        counts=np.concatenate([frame.counts, counted.sum(axis=1)[fresh].astype(np.int64)]),
        errors=np.concatenate([frame.errors, errors[fresh]]),
        samples=frame.samples,
        services=frame.services,
        drift_rows=rows,
        tallies=counted,
        baseline=baseline,
    )


def is_drift(signal: str) -> bool:
    """Tell whether a signal exists only beside a frozen baseline."""
    return signal.endswith(PSI) or signal in (UNSEEN, ABSENT)


def _keys(frame: Frame, pairs: Sequence[tuple[str, tuple[str, ...]]]) -> Ints:
    """Answer the key of each pair in the frame, -1 where it lacks the subject or the signal."""
    subject, signal = (
        {name: at for at, name in enumerate(names)} for names in (frame.by_subject.names, frame.by_signal.names)
    )
    codes: dict[tuple[str, ...], Ints] = {}  # most subjects have the same signals
    owners = []
    for name, signals in pairs:
        if signals not in codes:
            codes[signals] = np.array([signal.get(one, -1) for one in signals], np.int64)
        owners.append(subject.get(name, -1))
    sizes = [len(signals) for _, signals in pairs]
    return frame.pair_keys(np.repeat(owners, sizes), np.concatenate([codes[signals] for _, signals in pairs]))


def _values(baseline: Baseline, counted: Floats) -> tuple[Floats, Floats]:
    """What each row says of this window, and its sampling error."""
    told = psi_of(baseline.reference, counted)
    whole = counted.sum(axis=1)
    smoothed = (counted[:, 0] + 1) / (whole + 2)
    values = np.where(baseline.share, counted[:, 0] / whole, np.maximum(told.psi - told.chance, 0.0))
    spread = np.sqrt(2 * np.maximum(told.bins - 1, 1)) / told.size
    return values, np.where(baseline.share, np.sqrt(smoothed * (1 - smoothed) / (whole + 2)), spread)
