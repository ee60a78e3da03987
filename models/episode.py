"""When one service is in trouble: m of n strange windows begin an episode, continuous calm ends it.

An episode of a model stream depends on the service's own evidence alone, so the service itself and every neighbour
that sees the same windows compute the same onset, and from it the same incident id, without sharing state.
"""

from hashlib import sha256
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from models.config import Pipeline
from models.scores import Score
from models.symptoms import matches

Rule = Literal["model_opens", "infra_only", "hard_fault"]
MAX_SIGNALS = 40
#: Detectors whose verdicts may open whatever their signal: a broken rule, and traffic that does not come.
ALWAYS = ("static", "silence")


class Flag(Struct, frozen=True, array_like=True):
    """One window of one service: the strange signals in it (none: not strange), and whether it was calm. Epoch ms.

    `waits`: nothing came, as is usual for it: neither calm nor a break of the calm.
    """

    start_ms: int
    end_ms: int
    signals: tuple[str, ...] = ()
    calm: bool = False
    waits: bool = False


class Episode(Struct, frozen=True, array_like=True):
    """The recent windows, and the trouble now going on, if any (`onset_ms` is None: there is none). Epoch ms."""

    flags: tuple[Flag, ...] = ()
    seen_ms: int = 0
    rule: Rule = "model_opens"
    onset_ms: int | None = None
    ripe_ms: int = 0
    last_strange_ms: int = 0
    calm_since_ms: int | None = None
    strange: int = 0
    signals: tuple[str, ...] = ()


def incident_id(service: str, environment: str, rule: Rule, onset_ms: int) -> str:
    """Name an incident by its content: same service, rule and onset, same id."""
    return "inc-" + sha256(f"{service}|{environment}|{rule}|{onset_ms}".encode()).hexdigest()[:16]


def strange_signals(scores: list[Score], who: list[str]) -> tuple[str, ...]:
    """Return the signals, sorted, by which a window of a model stream is strange.

    A verdict without a signal counts by its top contribution; a broken static rule and silence count whatever their
    signal.
    """
    found = set()
    # of many signals one is always a little strange: the window as a whole must be (`fuse`)
    whole = any(score.detector == "fused" and score.score >= 1 for score in scores)
    for score in scores:
        if score.status != "ok" or score.score < 1 or score.detector == "fused":
            continue
        signal = signal_of(score)
        if signal is not None and (score.detector in ALWAYS or (whole and matches(signal, who))):
            found.add(signal)
    return tuple(sorted(found))


def signal_of(score: Score) -> str | None:
    """Return the signal of a verdict, or of the contribution that carries most of it (equal shares: by name)."""
    if score.signal is not None or not score.contributions:
        return score.signal
    return min(score.contributions, key=lambda part: (-part.share, part.signal)).signal


def is_calm(scores: list[Score], below: float) -> bool:
    """Tell whether a window is present, judged, and under the lower threshold; absence is never calm."""
    fused = [score for score in scores if score.detector == "fused"]
    return bool(fused) and all(score.status == "ok" and score.n > 0 and score.score < below for score in fused)


def is_usual_absence(scores: list[Score], below: float) -> bool:
    """Tell whether nothing came in a window, and that is judged to be usual."""
    fused = [score for score in scores if score.detector == "fused"]
    return bool(fused) and all(score.status == "ok" and score.n == 0 and score.score < below for score in fused)


def advance(episode: Episode, flag: Flag, rule: Rule, needed: int, config: Pipeline) -> Episode:
    """Add one window, in event-time order; an ended episode comes back with `onset_ms` None and no memory.

    `needed` strange windows out of the last n begin one.
    """
    flags = _recent((*episode.flags, flag), flag.end_ms, config)
    episode = replace(episode, flags=flags, seen_ms=flag.end_ms)
    if episode.onset_ms is None:
        return _begin(episode, flag, rule, needed)
    if flag.signals:
        names = tuple(sorted({*episode.signals, *flag.signals}))[:MAX_SIGNALS]
        return replace(
            episode, last_strange_ms=flag.end_ms, calm_since_ms=None, strange=episode.strange + 1, signals=names
        )
    if flag.waits:
        return episode
    since = (flag.start_ms if episode.calm_since_ms is None else episode.calm_since_ms) if flag.calm else None
    if since is not None and flag.end_ms - since >= config.clearing.after:
        return Episode(seen_ms=flag.end_ms, rule=rule)
    return replace(episode, calm_since_ms=since)


def _recent(flags: tuple[Flag, ...], end_ms: int, config: Pipeline) -> tuple[Flag, ...]:
    """Keep the last n windows in a row, by time: windows that never came count as not strange."""
    oldest_ms = end_ms - config.opening.n * config.windows.slide_ms
    return tuple(flag for flag in flags if flag.end_ms > oldest_ms)


def _begin(episode: Episode, flag: Flag, rule: Rule, needed: int) -> Episode:
    strange = [flag for flag in episode.flags if flag.signals]
    if not flag.signals or len(strange) < needed:
        return replace(episode, rule=rule)
    names = tuple(sorted({signal for one in strange for signal in one.signals}))[:MAX_SIGNALS]
    return replace(
        episode,
        rule=rule,
        onset_ms=strange[0].start_ms,
        ripe_ms=flag.end_ms,
        last_strange_ms=flag.end_ms,
        calm_since_ms=None,
        strange=len(strange),
        signals=names,
    )
