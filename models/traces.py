"""Traces: for each (stream, entity, detector, signal) when it turned strange, how long, and its strongest verdict."""

import math

from msgspec import Struct
from msgspec.structs import replace

from models.evidence import Evidence, Relation
from models.scores import Contribution, Direction, Score, Stream

#: The score at which a verdict counts as fully strong; beyond it, more says nothing more.
FULL_SCORE = 20.0
MAX_CONTRIBUTIONS = 5


class Verdict(Struct, frozen=True, array_like=True):
    """The strongest verdict of a trace, in the words of its score line."""

    score: float
    p_value: float
    observed: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    direction: Direction | None
    contributions: tuple[Contribution, ...]


class Trace(Struct, frozen=True, array_like=True):
    """One strange series: first strange window begins at `onset_ms`, the last ends at `last_ms`. Epoch ms."""

    stream: Stream
    relation: Relation
    subject: str
    detector: str
    signal: str | None
    onset_ms: int
    last_ms: int
    windows: int
    peak: Verdict

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What makes it one series; also its order."""
        return (self.stream, self.subject, self.relation, self.detector, self.signal or "")

    @property
    def named(self) -> str | None:
        """Its signal, or the one that carries most of a multivariate verdict."""
        if self.signal is not None or not self.peak.contributions:
            return self.signal
        return self.peak.contributions[0].signal

    @property
    def strength(self) -> float:
        """Its score on 0..1: logarithmic, full at `FULL_SCORE`, rounded so that no platform's libm shows."""
        return round(min(1.0, math.log1p(self.peak.score) / math.log1p(FULL_SCORE)), 6)

    @property
    def rise(self) -> int:
        """1: the signal went up; -1: down; 0: not known."""
        if self.peak.direction in ("up", "down"):
            return 1 if self.peak.direction == "up" else -1
        parts = self.peak.contributions
        source: Verdict | Contribution = parts[0] if self.signal is None and parts else self.peak
        if source.observed is None or source.expected is None or source.observed == source.expected:
            return 0
        return 1 if source.observed > source.expected else -1


def new_traces(evidence: list[Evidence]) -> list[Trace]:
    """Make a trace of each verdict over its threshold, in a fixed order; `fused` only repeats them."""
    found: dict[tuple[str, ...], Trace] = {}
    for one in evidence:
        for score in one.scores:
            if score.status == "ok" and score.score >= 1 and score.detector != "fused":
                trace = _trace(one, score)
                held = found.get(trace.key)
                if held is None or trace.peak.score > held.peak.score:
                    found[trace.key] = trace
    return [found[key] for key in sorted(found)]


def _trace(one: Evidence, score: Score) -> Trace:
    parts = sorted(score.contributions, key=lambda part: (-part.share, part.signal))[:MAX_CONTRIBUTIONS]
    peak = Verdict(
        score.score, score.p_value, score.observed, score.expected, score.lower, score.upper, score.direction,
        tuple(parts),
    )  # fmt: skip
    return Trace(
        one.stream, one.relation, one.subject, score.detector, score.signal, one.start_ms, one.end_ms, 1, peak
    )  # fmt: skip


def merge(
    held: tuple[Trace, ...], fresh: list[Trace], gap_ms: int, since_ms: int | None, keep_ms: int, limit: int
) -> tuple[Trace, ...]:
    """Join fresh traces to those held.

    A series that was silent for more than `gap_ms` begins anew, unless it was strange after `since_ms`, the onset of
    an open incident. Traces that ended before `keep_ms` are let go; of more than `limit` the strongest stay.
    """
    known = {trace.key: trace for trace in held if trace.last_ms >= keep_ms}
    for trace in fresh:
        old = known.get(trace.key)
        if old is not None and (
            trace.onset_ms <= old.last_ms + gap_ms or (since_ms is not None and old.last_ms > since_ms)
        ):
            peak = trace.peak if trace.peak.score > old.peak.score else old.peak
            trace = replace(trace, onset_ms=old.onset_ms, windows=old.windows + 1, peak=peak)
        known[trace.key] = trace
    strongest = sorted(known.values(), key=lambda trace: (-trace.peak.score, trace.key))[:limit]
    return tuple(sorted(strongest, key=lambda trace: trace.key))
