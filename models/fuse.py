"""One verdict per subject and window: the strongest of the detectors, on their common scale."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from models.detectors.base import Marks, View
from models.scores import Contribution, Score, Span, Stream
from models.times import to_iso

#: Signals named in the verdict, strongest first.
NAMED = 5
#: Detectors whose verdicts are not drawn by chance from many.
EXACT = ("static",)


def fused_scores(view: View, marks: Sequence[Marks], stream: Stream, start_ms: int, end_ms: int) -> Mapping[str, Score]:
    """Answer subject -> the line `fused`; a subject on which every detector abstained has its commonest reason."""
    span = Span(to_iso(start_ms), to_iso(end_ms))
    by_subject: dict[str, list[tuple[float, float, str, str]]] = defaultdict(list)
    together: dict[str, list[tuple[float, list[Contribution]]]] = defaultdict(list)
    reasons: dict[str, list[str]] = defaultdict(list)
    for mark in marks:
        for place, row in enumerate(mark.rows):
            subject = view.frame.subjects[row]
            if mark.reasons[place]:
                reasons[subject].append(mark.reasons[place])
                continue
            if mark.multivariate and mark.scores[place] >= 1:
                together[subject].append((mark.scores[place], mark.contributions[place]))
            signal = "" if mark.multivariate else view.frame.signals[row]
            by_subject[subject].append((mark.scores[place], mark.p_values[place], mark.detector, signal))
    counts: dict[str, int] = {}
    for subject, count in zip(view.frame.subjects, view.frame.counts.tolist(), strict=True):
        counts[subject] = max(count, counts.get(subject, 0))
    return {
        subject: _fused(subject, by_subject.get(subject, []), together[subject], reasons[subject], count, stream, span)
        for subject, count in counts.items()
    }


def _fused(
    subject: str,
    verdicts: list[tuple[float, float, str, str]],
    together: list[tuple[float, list[Contribution]]],
    reasons: list[str],
    n: int,
    stream: Stream,
    span: Span,
) -> Score:
    if not verdicts:
        warming = "warming_up" in reasons
        return Score(
            service=subject.partition("/")[2],
            entity=subject,
            window=span,
            detector="fused",
            score=0.0,
            p_value=1.0,
            n=n,
            stream=stream,
            status="warming_up" if warming else "abstained",
            reason="warming_up" if warming else min(reasons, default="no_detector"),
        )
    looked_at = len({signal or detector for _, _, detector, signal in verdicts})
    score, p_value = max(_of_many(verdict, looked_at) for verdict in verdicts)
    return Score(
        service=subject.partition("/")[2],
        entity=subject,
        window=span,
        detector="fused",
        score=float(f"{score:.6g}"),
        p_value=float(f"{p_value:.6g}"),
        n=n,
        stream=stream,
        contributions=_shares(verdicts, together),
    )


def _of_many(verdict: tuple[float, float, str, str], count: int) -> tuple[float, float]:
    """Answer score and p-value of a verdict as the strongest of `count` (Bonferroni), on the scale of its detector.

    A broken rule is no chance finding: nothing is taken from it.
    """
    score, p_value, detector, _ = verdict
    if detector in EXACT or not 0 < p_value < 1:
        return score, p_value
    corrected = min(1.0, count * p_value)
    return score * float(np.log(corrected) / np.log(p_value)) + 0.0, corrected


def _shares(
    verdicts: list[tuple[float, float, str, str]], together: list[tuple[float, list[Contribution]]]
) -> list[Contribution]:
    """Share the verdict among the signals by the square of their scores: strong ones carry it.

    Where no signal alone is strange, the strongest multivariate verdict says which are strange together.
    """
    if together and not any(signal and score >= 1 for score, _, _, signal in verdicts):
        return max(together, key=lambda one: one[0])[1][:NAMED]
    best: dict[str, float] = defaultdict(float)
    for score, _, _, signal in verdicts:
        if signal:
            best[signal] = max(best[signal], score)
    named = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:NAMED]
    total = float(np.sum([score**2 for _, score in named]))
    return [Contribution(signal, round(float(score**2 / total), 4)) for signal, score in named if total and score > 0]
