"""Silence: what is expected and does not come. Each subject has its own usual gap, learned as it goes.

A subject's gaps between windows with records are followed: the longest usual one, slowly let go, and the share of gaps
that were longer than what was usual then. Nothing heard for m usual gaps has the p-value share ** m: a run of
independent misses (geometric tail), its rate estimated with Jeffreys' prior (Brown, Cai, DasGupta, Stat. Science 2001).
A sender of every window, well known, is silent when it misses two; one of every fifth window when ten have passed.
Where fewer records came than usual before that (a quiet night), their Poisson probability of none counts if it is
larger: a fall that ends at nothing is a fall.
Blind spot: an outage while the gap is being learned counts as usual, and is let go slowly.
"""

import math
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from models.config import Pipeline
from models.detectors.base import SMALLEST_P
from models.scores import Contribution, Judged, Score, Span, Status, Stream
from models.times import to_iso

DETECTOR = "silence"
#: One false alarm in so many judged windows, as the charts have it (`arl0`).
ALPHA = 1 / 5000
#: Gaps that the share of longer ones is estimated from.
MEMORY = 100
#: Part of a window by which the longest usual gap may be exceeded before a whole window more is usual.
TOLERANCE = 0.25
#: Gaps in a row that were judged silent before they are learned, as a new habit.
PATIENCE = 2
#: A fall to less than this share of the usual records makes habits known from better times worth little.
FALLEN = 0.5
#: Weight of the newest window in the recent number of records.
NEWEST = 0.5
SIGNALS: dict[Stream, str] = {"model": "rate", "infra": "telemetry.rate"}


class Usual(Struct, frozen=True, array_like=True):
    """What is known of a subject: end of its last window with records (ms), and its habits.

    `longest`: the longest usual gap, in windows; `beyond`: share of `gaps` that were longer than usual; `refused`:
    silent gaps in a row not learned; `level` and `recent`: records of a window in which it was heard, over long and of
    late; `services`: those it named.
    """

    heard_ms: int
    level: float
    recent: float
    services: list[str]
    gaps: int = 0
    longest: float = 1.0
    beyond: float = 0.0
    refused: int = 0

    @property
    def windows(self) -> int:
        """The usual gap in whole windows, 1 or more."""
        return max(1, math.ceil(self.longest - TOLERANCE))

    def p_value(self, elapsed: int) -> float:
        """Return how likely it is to hear nothing for `elapsed` windows."""
        share, missed = (self.beyond * self.gaps + 0.5) / (self.gaps + 1), elapsed // self.windows
        fallen = self.recent < FALLEN * self.level
        return max(SMALLEST_P, share**missed, math.exp(-self.recent * missed) if fallen else 0.0)

    def score(self, elapsed: int) -> float:
        """Put that on the common scale: 1.0 is silent."""
        return math.log(self.p_value(elapsed)) / math.log(ALPHA) + 0.0


class Silence:
    """The silence of one stream's subjects."""

    def __init__(self, stream: Stream, pipeline: Pipeline) -> None:
        self._stream, self._pipeline = stream, pipeline
        self._slide_ms = pipeline.windows.slide_ms

    def listen(
        self, known: Mapping[str, Usual], heard: Mapping[str, int], services: Mapping[str, list[str]], end_ms: int
    ) -> dict[str, Usual]:
        """Answer what is known after a window; `heard`: subject -> its records, `services`: those that they named."""
        found = {
            subject: self._learn(known.get(subject), count, services.get(subject, []), end_ms)
            for subject, count in heard.items()
        }
        return dict(sorted({**known, **found}.items()))

    def remembered(self, known: Mapping[str, Usual], end_ms: int) -> dict[str, Usual]:
        """Leave out the subjects that were not heard for `windows.forget`."""
        oldest_ms = end_ms - self._pipeline.windows.forget
        return {subject: usual for subject, usual in known.items() if usual.heard_ms > oldest_ms}

    def judge(self, known: Mapping[str, Usual], start_ms: int, end_ms: int) -> list[Judged]:
        """Judge every subject that is known and was not heard in this window.

        One that is about to be forgotten is judged once more, so that those who wait for it hear of the end.
        """
        judged = []
        for subject, usual in known.items():
            if usual.heard_ms < end_ms:
                lines = self._lines(subject, usual, start_ms, end_ms)
                judged.append(Judged(subject, self._stream, start_ms, end_ms, usual.services, lines))
        return judged

    def _learn(self, usual: Usual | None, count: int, services: list[str], end_ms: int) -> Usual:
        if usual is None:
            return Usual(end_ms, float(count), float(count), services)
        gap = (end_ms - usual.heard_ms) // self._slide_ms
        silent = self._ready(usual) and usual.score(gap - 1) >= 1
        history = self._pipeline.expectation.history
        level = usual.level + (count - usual.level) / min(usual.gaps + 2, history)
        recent = usual.recent + NEWEST * (count - usual.recent)
        usual = replace(usual, heard_ms=end_ms, level=level, recent=recent, services=services)
        if silent and usual.refused < PATIENCE:
            return replace(usual, refused=usual.refused + 1)
        if silent:  # a new habit, taken on by and by
            return replace(usual, longest=float(min(gap, 2 * usual.windows)))
        gaps = min(usual.gaps + 1, MEMORY)
        beyond = usual.beyond + (float(usual.gaps > 0 and gap > usual.windows) - usual.beyond) / gaps
        longer = usual.gaps == 0 or gap >= usual.longest
        longest = float(gap) if longer else usual.longest + (gap - usual.longest) / history
        return replace(usual, gaps=gaps, beyond=beyond, longest=longest, refused=0)

    def _ready(self, usual: Usual) -> bool:
        return usual.gaps >= self._pipeline.expectation.warm_up

    def _lines(self, subject: str, usual: Usual, start_ms: int, end_ms: int) -> list[Score]:
        """Write the line `fused`, and that of the silence where it is notable."""
        elapsed, signal = (end_ms - usual.heard_ms) // self._slide_ms, SIGNALS[self._stream]
        forgotten, ready = not self.remembered({subject: usual}, end_ms), self._ready(usual)
        status: Status = "abstained" if forgotten else ("ok" if ready else "warming_up")
        good = status == "ok"
        fused = Score(
            service=subject.partition("/")[2],
            entity=subject,
            window=Span(to_iso(start_ms), to_iso(end_ms)),
            detector="fused",
            score=float(f"{usual.score(elapsed):.6g}") if good else 0.0,
            p_value=float(f"{usual.p_value(elapsed):.6g}") if good else 1.0,
            n=0,
            stream=self._stream,
            status=status,
            reason=None if good else ("forgotten" if forgotten else "warming_up"),
        )
        if fused.score < max(self._pipeline.outputs.score_floor, 1e-9):
            return [fused]
        named = [Contribution(signal, 1.0)]
        expected = float(f"{1000 * usual.level / self._pipeline.windows.size:.6g}")
        fused = replace(fused, contributions=named)
        return [
            fused,
            replace(fused, detector=DETECTOR, signal=signal, observed=0.0, expected=expected, direction="down"),
        ]
