"""One verdict per subject and window: the strongest of the detectors, on their common scale."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.columns import Array
from models.detectors.base import Marks, View
from models.frame import Floats, Frame, Ints
from models.scores import Contribution, Score, Span, Stream
from models.times import to_iso

#: Signals named in the verdict, strongest first.
NAMED = 5
#: Detectors whose verdicts are not drawn by chance from many.
EXACT = ("static",)


@dataclass(frozen=True)
class _Verdicts:
    """All verdicts that are no abstentions: subject and pair (-1: multivariate) of each, score, p-value, exactness."""

    subjects: Ints
    pairs: Ints
    scores: Floats
    p_values: Floats
    exact: Array

    @classmethod
    def of(cls, frame: Frame, marks: Sequence[Marks]) -> "_Verdicts":
        """Gather what the detectors say."""
        rows = [mark.rows[mark.good] for mark in marks]
        pairs = [np.full(len(r), -1) if m.multivariate else frame.pairs.of[r] for m, r in zip(marks, rows, strict=True)]
        return cls(
            subjects=_joined([frame.by_subject.codes[one] for one in rows]),
            pairs=_joined(pairs),
            scores=_joined([mark.scores[mark.good] for mark in marks]),
            p_values=_joined([mark.p_values[mark.good] for mark in marks]),
            exact=_joined([np.full(len(one), m.detector in EXACT) for m, one in zip(marks, rows, strict=True)]).astype(
                bool
            ),
        )


def fused_scores(view: View, marks: Sequence[Marks], stream: Stream, start_ms: int, end_ms: int) -> Mapping[str, Score]:
    """Answer subject -> the line `fused`; a subject on which every detector abstained has its commonest reason."""
    frame, span = view.frame, Span(to_iso(start_ms), to_iso(end_ms))
    names, size = frame.by_subject.names, len(frame.by_subject.names)
    verdicts = _Verdicts.of(frame, marks)
    scores, p_values = _strongest(verdicts, frame, size)
    counts = np.zeros(size, np.int64)
    np.maximum.at(counts, frame.by_subject.codes, frame.counts)
    judged = np.bincount(verdicts.subjects, minlength=size) > 0
    reasons = _reasons(frame, marks, judged)
    shares = _shares(frame, verdicts, marks)
    fused = {}
    told = zip(names, judged.tolist(), scores.tolist(), p_values.tolist(), counts.tolist(), strict=True)
    for code, (subject, good, score, p_value, n) in enumerate(told):
        reason = None if good else reasons[code]
        fused[subject] = Score(
            service=subject.partition("/")[2],
            entity=subject,
            window=span,
            detector="fused",
            score=float(f"{score:.6g}") if good else 0.0,
            p_value=float(f"{p_value:.6g}") if good else 1.0,
            n=n,
            stream=stream,
            status="ok" if good else "warming_up" if reason == "warming_up" else "abstained",
            reason=reason,
            contributions=shares.get(code, []),
        )
    return fused


def _strongest(verdicts: _Verdicts, frame: Frame, size: int) -> tuple[Floats, Floats]:
    """Answer score and p-value of each subject: its strongest verdict, as the strongest of many (Bonferroni).

    Each is corrected on the scale of its detector. A broken rule is no chance finding: nothing is taken from it.
    """
    p_values, charts = verdicts.p_values, verdicts.pairs >= 0
    seen = np.unique(verdicts.pairs[charts])
    owners = frame.by_subject.codes[frame.pairs.last[seen]]
    looked_at = np.bincount(owners, minlength=size) + np.bincount(verdicts.subjects[~charts], minlength=size)
    drawn = ~verdicts.exact & (p_values > 0) & (p_values < 1)
    known = np.where(drawn, p_values, 0.5)
    corrected = np.minimum(1.0, looked_at[verdicts.subjects] * known)
    scores = np.where(drawn, verdicts.scores * (np.log(corrected) / np.log(known)) + 0.0, verdicts.scores)
    p_values = np.where(drawn, corrected, p_values)
    best, likely = np.full(size, -np.inf), np.zeros(size)
    np.maximum.at(best, verdicts.subjects, scores)
    top = scores == best[verdicts.subjects]
    np.maximum.at(likely, verdicts.subjects[top], p_values[top])
    return best, likely


def _reasons(frame: Frame, marks: Sequence[Marks], judged: Array) -> Mapping[int, str]:
    """Answer why nobody judged a subject, for each that nobody judged."""
    given: dict[int, set[str]] = {code: set() for code in np.flatnonzero(~judged).tolist()}
    if not given:
        return {}
    for mark in marks:
        subjects = frame.by_subject.codes[mark.rows]
        for place in np.flatnonzero(~mark.good & ~judged[subjects]).tolist():
            given[int(subjects[place])].add(mark.reasons[place])
    return {
        code: "warming_up" if "warming_up" in told else min(told, default="no_detector") for code, told in given.items()
    }


def _shares(frame: Frame, verdicts: _Verdicts, marks: Sequence[Marks]) -> Mapping[int, list[Contribution]]:
    """Share each verdict among the signals by the square of their scores: strong ones carry it.

    Where no signal alone is strange, the strongest multivariate verdict says which are strange together.
    """
    charts = verdicts.pairs >= 0
    best = np.zeros(len(frame.pairs.keys))
    np.maximum.at(best, verdicts.pairs[charts], verdicts.scores[charts])
    strong = np.flatnonzero(best > 0)  # in order of subject and signal
    owners = frame.by_subject.codes[frame.pairs.last[strong]]
    order = np.lexsort((-best[strong], owners))
    strong, owners = strong[order], owners[order]
    first = np.arange(len(strong)) - np.searchsorted(owners, owners) < NAMED
    strong, owners = strong[first], owners[first]
    squares = best[strong] ** 2
    total = np.bincount(owners, squares, len(frame.by_subject.names))
    signals = frame.by_signal.codes[frame.pairs.last[strong]].tolist()
    shares: dict[int, list[Contribution]] = defaultdict(list)
    for owner, signal, share in zip(owners.tolist(), signals, (squares / total[owners]).tolist(), strict=True):
        shares[owner].append(Contribution(frame.by_signal.names[signal], round(share, 4)))
    alone = set(frame.by_subject.codes[frame.pairs.last[np.flatnonzero(best >= 1)]].tolist())
    return shares | {code: parts for code, parts in _together(frame, marks).items() if code not in alone}


def _together(frame: Frame, marks: Sequence[Marks]) -> Mapping[int, list[Contribution]]:
    """Answer what the strongest multivariate verdict on a subject names, for each that is strange by one."""
    told: dict[int, tuple[float, list[Contribution]]] = {}
    for mark in marks:
        if mark.multivariate:
            for place in np.flatnonzero(mark.good & (mark.scores >= 1)).tolist():
                code, score = int(frame.by_subject.codes[mark.rows[place]]), float(mark.scores[place])
                if code not in told or score > told[code][0]:
                    told[code] = (score, mark.contributions[place][:NAMED])
    return {code: parts for code, (_, parts) in told.items()}


def _joined(parts: Sequence[Array]) -> Array:
    return np.concatenate([*parts, np.zeros(0, np.int64)]) if parts else np.zeros(0, np.int64)
