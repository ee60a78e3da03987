"""Takes one window's evidence into the memory of a service: episodes, traces, changes, and what telemetry is there."""

import msgspec
from msgspec.structs import replace

from models.config import Pipeline
from models.correlate_state import HeldChange, Memory
from models.episode import Episode, Flag, Rule, advance, is_calm, strange_signals
from models.evidence import ChangeNote, Evidence
from models.scores import Score
from models.traces import merge, new_traces

MAX_WATCHED = 64
MAX_CHANGES = 20
#: Traces kept for each anomaly that may be listed.
SPARE = 4


def ordered(evidence: list[Evidence]) -> list[Evidence]:
    """Bring evidence, and the scores inside, into one order that does not depend on arrival."""
    sorted_inside = [replace(one, scores=sorted(one.scores, key=_score_key)) for one in evidence]
    return sorted(sorted_inside, key=lambda one: (one.stream, one.subject, one.relation, one.start_ms, _bytes(one)))


def _score_key(score: Score) -> tuple[str, str, bytes]:
    return score.detector, score.signal or "", _bytes(score)


def _bytes(value: Evidence | Score) -> bytes:
    return msgspec.msgpack.encode(value)


def observe(
    memory: Memory, service: str, end_ms: int, evidence: list[Evidence], changes: list[ChangeNote], config: Pipeline
) -> Memory:
    """Return the memory after the window that ends at `end_ms`; `evidence` is in order."""
    seen = memory.model_seen or any(one.stream == "model" and one.relation == "self" and _n(one) for one in evidence)
    present = _present(memory, end_ms, evidence, config)
    memory = replace(memory, model_seen=seen, present=present)
    watched = _watched(memory, service, end_ms, evidence, config)
    reach_ms = max(config.join.infra_leads, config.join.change_leads)
    horizon_ms = reach_ms + (config.opening.n + 2) * config.windows.slide_ms
    since_ms = None if memory.case is None else memory.case.onset_ms
    keep_ms = end_ms - horizon_ms if since_ms is None else min(end_ms - horizon_ms, since_ms - reach_ms)
    traces = merge(
        memory.traces, new_traces(evidence), config.opening.n * config.windows.slide_ms, since_ms, keep_ms,
        SPARE * config.outputs.max_anomalies,
    )  # fmt: skip
    notes = {HeldChange(one.timestamp_ms, one.subject, one.relation, one.type, one.ref) for one in changes}
    held = sorted(one for one in {*memory.changes, *notes} if one.timestamp_ms >= keep_ms)[-MAX_CHANGES:]
    return replace(memory, watched=watched, traces=traces, changes=tuple(held))


def silent(memory: Memory, end_ms: int) -> tuple[str, ...]:
    """Return the entities whose telemetry was there before and is absent from the window that ends at `end_ms`."""
    return tuple(sorted(entity for entity, last_ms in memory.present.items() if last_ms < end_ms))


def _n(one: Evidence) -> int:
    return max((score.n for score in one.scores), default=0)


def _present(memory: Memory, end_ms: int, evidence: list[Evidence], config: Pipeline) -> dict[str, int]:
    """Note when each entity's telemetry was last there; what is gone for `windows.forget` is no longer expected."""
    near = [one for one in evidence if one.stream == "infra" and one.relation in ("self", "carrier") and _n(one)]
    found = {**memory.present, **{one.subject: end_ms for one in near}}
    return {entity: last for entity, last in sorted(found.items()) if last > end_ms - config.windows.forget}


def _watched(
    memory: Memory, service: str, end_ms: int, evidence: list[Evidence], config: Pipeline
) -> dict[str, Episode]:
    """Advance the episode of the service and of each neighbour by one window, absent ones included."""
    scores: dict[str, list[Score]] = {}
    starts: dict[str, int] = {}
    for one in evidence:
        if one.stream == "model":
            scores.setdefault(f"{one.relation} {one.subject}", []).extend(one.scores)
            starts[f"{one.relation} {one.subject}"] = one.start_ms
    own, absent_ms = f"self service/{service}", end_ms - config.windows.size
    known = [key for key, episode in memory.watched.items() if episode.seen_ms > end_ms - config.windows.forget]
    keys = sorted({own, *known, *scores}, key=lambda key: (key != own, key not in memory.watched, key))[:MAX_WATCHED]
    watched = {}
    for key in keys:
        found, start_ms = scores.get(key, []), starts.get(key, absent_ms)
        rule: Rule = "model_opens"
        flag = Flag(
            start_ms, end_ms, strange_signals(found, config.opening.who), is_calm(found, config.clearing.below)
        )  # fmt: skip
        if key == own and not memory.model_seen:
            flag, rule = _machine_flag(evidence, absent_ms, end_ms, config), "infra_only"
        if key == own and silent(memory, end_ms):
            flag = replace(flag, calm=False)
        old = memory.watched.get(key, Episode())
        if old.onset_ms is not None:
            rule = old.rule
        after = advance(old, flag, rule, config)
        watched[key] = after if key in scores or key == own else replace(after, seen_ms=old.seen_ms)
    return watched


def _machine_flag(evidence: list[Evidence], start_ms: int, end_ms: int, config: Pipeline) -> Flag:
    """Flag a window of a service without model outputs, by the verdicts on its machines."""
    near = [one for one in evidence if one.stream == "infra" and one.relation in ("self", "carrier")]
    fused = [score for one in near for score in one.scores if score.detector == "fused" and score.status == "ok"]
    strange = config.opening.infra_only and any(score.score >= 1 for score in fused)
    calm = bool(near) and all(is_calm(one.scores, config.clearing.below) for one in near)
    return Flag(min([start_ms, *(one.start_ms for one in near)]), end_ms, ("fused",) if strange else (), calm)
