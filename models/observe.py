"""Takes one window's evidence into the memory of a service: episodes, traces, changes, and what telemetry is there."""

import msgspec
from msgspec.structs import replace

from models.config import Pipeline
from models.correlate_state import HeldChange, Memory
from models.episode import Episode, Flag, Rule, advance
from models.evidence import ChangeNote, Evidence
from models.flags import hard_flag, heard, machine_flag, model_flag, near, needed_by, silent_entities
from models.scores import Score
from models.traces import merge, new_traces

MAX_WATCHED = 64
MAX_CHANGES = 20
#: Traces kept for each anomaly that may be listed.
SPARE = 4


def ordered(evidence: list[Evidence]) -> list[Evidence]:
    """Bring evidence, and the scores inside, into one order that does not depend on arrival."""
    inside = [
        one if len(one.scores) < 2 else replace(one, scores=sorted(one.scores, key=_score_key)) for one in evidence
    ]
    if len({(one.stream, one.subject, one.relation, one.start_ms) for one in inside}) == len(inside):
        return sorted(inside, key=lambda one: (one.stream, one.subject, one.relation, one.start_ms))
    return sorted(inside, key=lambda one: (one.stream, one.subject, one.relation, one.start_ms, _bytes(one)))


def _score_key(score: Score) -> tuple[str, str, bytes]:
    return score.detector, score.signal or "", _bytes(score)


def _bytes(value: Evidence | Score) -> bytes:
    return msgspec.msgpack.encode(value)


def observe(
    memory: Memory, service: str, end_ms: int, evidence: list[Evidence], changes: list[ChangeNote], config: Pipeline
) -> Memory:
    """Return the memory after the window that ends at `end_ms`; `evidence` is in order."""
    present = _present(memory, end_ms, evidence, config)
    memory = replace(memory, present=present, silent=silent_entities(present, evidence, config))
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


def _present(memory: Memory, end_ms: int, evidence: list[Evidence], config: Pipeline) -> dict[str, int]:
    """Note when the service's streams were last there; what is gone for `windows.forget` is no longer expected."""
    own = [one for one in evidence if one.stream == "model" and one.relation == "self"]
    fresh = {f"{one.stream} {one.subject}": end_ms for one in [*own, *near(evidence)] if heard(one)}
    found = sorted({**memory.present, **fresh}.items())
    return {key: last_ms for key, last_ms in found if last_ms > end_ms - config.windows.forget}


def _watched(
    memory: Memory, service: str, end_ms: int, evidence: list[Evidence], config: Pipeline
) -> dict[str, Episode]:
    """Advance the episodes of the service and of each neighbour by one window, absent ones included."""
    scores: dict[str, list[Score]] = {}
    starts: dict[str, int] = {}
    for one in evidence:
        if one.stream == "model":
            scores.setdefault(f"{one.relation} {one.subject}", []).extend(one.scores)
            starts[f"{one.relation} {one.subject}"] = one.start_ms
    own, hard, absent_ms = f"self service/{service}", f"hard service/{service}", end_ms - config.windows.size
    if not memory.present:  # nothing of it is expected any more: whatever went on is over
        return {own: Episode(seen_ms=end_ms), hard: Episode(seen_ms=end_ms, rule="hard_fault")}
    known = [key for key, episode in memory.watched.items() if episode.seen_ms > end_ms - config.windows.forget]
    keys = sorted({own, *known, *scores} - {hard}, key=lambda key: (key != own, key not in memory.watched, key))
    watched = {}
    for key in keys[: MAX_WATCHED - 1]:
        rule: Rule = "model_opens"
        flag = model_flag(scores.get(key, []), starts.get(key, absent_ms), end_ms, config)
        if key == own and f"model service/{service}" not in memory.present:
            flag, rule = machine_flag(evidence, absent_ms, end_ms, config), "infra_only"
            if any(other.startswith("caller ") for other in keys):  # whether it hurts is for its callers to show
                flag = replace(flag, signals=())
        if key == own and memory.silent:
            flag = replace(flag, calm=False, waits=False)
        old = memory.watched.get(key, Episode())
        after = advance(old, flag, rule if old.onset_ms is None else old.rule, config.opening.m, config)
        watched[key] = after if key in scores or key == own else replace(after, seen_ms=old.seen_ms)
    flag = hard_flag(service, evidence, memory.present, memory.silent, Flag(absent_ms, end_ms), config)
    old = memory.watched.get(hard, Episode())
    watched[hard] = advance(old, flag, "hard_fault", _needed(old, flag, config), config)
    return watched


def _needed(old: Episode, flag: Flag, config: Pipeline) -> int:
    signals = {signal for one in (*old.flags, flag) for signal in one.signals}
    return needed_by(tuple(signals), config)
