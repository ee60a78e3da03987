"""Facts, not statistics: an out-of-memory kill, and a service that restarts again and again.

They come as samples of kind `event`, `delta` or `counter`; a gauge has no occurrences. There is no usual number of them
to learn: the expectation is none. Where a node's sample names the service that it happened to, it is that service's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from models.scores import Contribution, Judged, Score, Span
from models.silence import ALPHA
from models.silence import DETECTOR as SILENCE
from models.symptoms import matches
from models.telemetry_blob import SEPARATOR
from models.telemetry_pane import INCREASE, SUM, TelemetryPane
from models.times import to_iso

DETECTOR = "event"
KILLS = ("oom*", "*.oom*", "*_oom*", "*out_of_memory*")
RESTARTS = ("*restart*",)
#: Scores of a single restart, which a deploy does too, and of a hard fault; full strength, see `models/traces.py`.
NOTED, CERTAIN = 1.0, 20.0
#: Two restarts within so many windows are a loop: Kubernetes waits 10 s and 20 s before the first two, then longer.
NEAR_WINDOWS = 6


class Happening(Struct, frozen=True, array_like=True, order=True):
    """Occurrences of one event of a subject in one pane (its start, epoch ms)."""

    pane_ms: int
    subject: str
    metric: str
    count: float


def happenings(pane_ms: int, pane: TelemetryPane) -> list[tuple[str, Happening]]:
    """Find the kills and restarts in a pane; with each the name of the series that tells of it."""
    found = []
    for row, name in enumerate(pane.names):
        if (happening := _event(name)) is not None:
            subject, metric, kind = happening
            count = float(pane.stats[row, INCREASE if kind == "counter" else SUM])
            if count > 0:
                found.append((name, Happening(pane_ms, subject, metric, count)))
    return found


@lru_cache(maxsize=262_144)
def _event(name: str) -> tuple[str, str, str] | None:
    """Answer subject, metric and kind of a series that tells of kills or restarts; None for all others."""
    entity, metric, kind, service = name.split(SEPARATOR)
    if kind == "gauge" or not matches(metric, (*KILLS, *RESTARTS)):
        return None
    return f"service/{service}" if service and entity.startswith("node/") else entity, metric, kind


def recent(happened: Iterable[Happening], end_ms: int, slide_ms: int) -> list[Happening]:
    """Keep what is near enough to count as part of a loop, in order."""
    return sorted(one for one in happened if one.pane_ms >= end_ms - NEAR_WINDOWS * slide_ms)


def with_events(judged: list[Judged], happened: list[Happening], start_ms: int, end_ms: int) -> list[Judged]:
    """Add the lines of what happened in the window to the verdicts on its subjects; `happened`: in it and before it.

    A subject that is not judged here (its own telemetry is in another bucket) gets these lines alone, without `fused`.
    """
    lines, known = _lines(happened, start_ms, end_ms), {one.subject for one in judged}
    added = [_with(one, lines[one.subject]) if one.subject in lines else one for one in judged]
    others = [subject for subject in lines if subject not in known]
    return added + [Judged(subject, "infra", start_ms, end_ms, [], lines[subject]) for subject in others]


def is_hard(score: Score) -> bool:
    """Tell whether a line is a fact that may open an incident at once."""
    return score.detector == DETECTOR and score.score > NOTED


def is_silence(score: Score) -> bool:
    """Tell whether a line says that its subject is silent."""
    return score.detector == SILENCE and score.status == "ok" and score.score >= 1


def _lines(happened: list[Happening], start_ms: int, end_ms: int) -> Mapping[str, list[Score]]:
    now: dict[tuple[str, str], float] = defaultdict(float)
    near: dict[tuple[str, str], float] = defaultdict(float)
    for one in happened:
        near[one.subject, one.metric] += one.count
        if start_ms <= one.pane_ms < end_ms:
            now[one.subject, one.metric] += one.count
    span, lines = Span(to_iso(start_ms), to_iso(end_ms)), defaultdict[str, list[Score]](list)
    for (subject, metric), count in sorted(now.items()):
        certain = matches(metric, KILLS) or near[subject, metric] >= 2
        lines[subject].append(_line(subject, metric, count, CERTAIN if certain else NOTED, span))
    return lines


def _line(subject: str, metric: str, count: float, score: float, span: Span) -> Score:
    return Score(
        service=subject.partition("/")[2],
        entity=subject,
        window=span,
        detector=DETECTOR,
        signal=metric,
        score=score,
        p_value=float(f"{ALPHA**score:.6g}"),
        n=max(1, int(count)),
        stream="infra",
        observed=float(f"{count:.6g}"),
        expected=0.0,
        direction="up",
        contributions=[Contribution(metric, 1.0)],
    )


def _with(judged: Judged, lines: list[Score]) -> Judged:
    """Add lines, and let the verdict of the subject be at least as strong."""
    top = max(lines, key=lambda line: line.score)
    fused, *others = judged.scores
    if fused.status != "ok" or fused.score < top.score:
        fused = replace(
            fused, status="ok", reason=None, score=top.score, p_value=top.p_value, contributions=top.contributions
        )  # fmt: skip
    return replace(judged, scores=[fused, *others, *lines])
