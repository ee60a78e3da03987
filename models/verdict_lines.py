"""Marks become lines of a score topic: those at or above the floor."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from models.detectors.base import Marks, View
from models.scores import Contribution, Score, Span, Stream
from models.times import to_iso

#: Spreads around the expectation that the published band spans on each side.
BAND = 4.0


def line_scores(
    view: View, marks: Sequence[Marks], stream: Stream, floor: float, start_ms: int, end_ms: int
) -> Mapping[str, list[Score]]:
    """Answer subject -> verdicts of single detectors with a score of at least `floor`; abstentions are in `fused`."""
    lines: dict[str, list[Score]] = defaultdict(list)
    span = Span(to_iso(start_ms), to_iso(end_ms))
    for mark in marks:
        for place in np.flatnonzero((mark.scores >= floor) & mark.good):
            row = mark.rows[place]
            subject = view.frame.subjects[row]
            make = _multivariate if mark.multivariate else _univariate
            lines[subject].append(make(view, mark, int(place), int(row), stream, span))
    return lines


def _univariate(view: View, mark: Marks, place: int, row: int, stream: Stream, span: Span) -> Score:
    signal, observed = view.frame.signals[row], _short(view.frame.values[row])
    ready = bool(view.expected.ready[row])
    level, scale = view.expected.level[row], view.expected.scale[row]
    return Score(
        service=view.frame.subjects[row].partition("/")[2],
        entity=view.frame.subjects[row],
        window=span,
        detector=mark.detector,
        signal=signal,
        score=_short(mark.scores[place]),
        p_value=_short(mark.p_values[place]),
        n=int(view.frame.counts[row]),
        stream=stream,
        observed=observed,
        expected=_short(level) if ready else None,
        lower=_short(level - BAND * scale) if ready else None,
        upper=_short(level + BAND * scale) if ready else None,
        direction=("up" if observed >= level else "down") if ready else "either",
        contributions=[Contribution(signal, 1.0)],
    )


def _multivariate(view: View, mark: Marks, place: int, row: int, stream: Stream, span: Span) -> Score:
    return Score(
        service=view.frame.subjects[row].partition("/")[2],
        entity=view.frame.subjects[row],
        window=span,
        detector=mark.detector,
        score=_short(mark.scores[place]),
        p_value=_short(mark.p_values[place]),
        n=int(view.frame.counts[row]),
        stream=stream,
        direction="either",
        contributions=mark.contributions[place],
        artifact=mark.artifact,
    )


def _short(value: float) -> float:
    """Six significant digits: lines that people read, equal on every machine whose arithmetic agrees so far."""
    return float(f"{value:.6g}")
