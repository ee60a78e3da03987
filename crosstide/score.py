"""`crosstide score`: incidents held against the recorded truth, by rules fixed before any detector was tuned.

* Counted for recall: faults (not traps) with `effect_at`, the moment the requests themselves first suffered.
  Faults without it are harmless and counted apart; an incident that starts while one lasts, and is neither paired
  nor on a trap, is neutral: neither right nor false.
* A pair: the incident's `onset_at` lies between one window before `start` and max(3 windows, 60 s) after `effect_at`,
  it is of a service within the fault's `reach` where the truth names that, and it lasts no longer than twice the fault
  (till `recovered_at`, where that is later than its end) plus the clear time. One to one. An incident without a
  resolution lasts till its last watermark.
* Two faults at once: each needs an incident of its own, or stands among the first three causes of the other's.
* Precision: paired incidents among all that are not neutral (merged ones fold into the one they point to).
* Cause: right when entity and category are both accepted; judged on found faults. Chance is the expected hit of one
  draw (three, without return), uniform over the distinct (entity, category) pairs that any incident or fault names.
"""

from collections.abc import Iterable, Sequence
from math import comb
from pathlib import Path
from statistics import fmean, median

from crosstide.intervals import Proportion
from crosstide.score_card import FaultVerdict, IncidentVerdict, Scorecard
from crosstide.score_input import Fault, Incident, Pair, read_incidents, read_truth
from crosstide.score_match import match, on_harmless, on_trap, shared, starts_near

__all__ = ["FaultVerdict", "IncidentVerdict", "Scorecard", "score", "score_run"]


def score_run(incidents: Path, truth: Path, window_ms: int) -> Scorecard:
    """Score `incidents.jsonl` against `truth.json`; `window_ms` is the length of a scored window.

    Raises ScoreInputError (crosstide.score_input) for missing or broken files.
    """
    return score(read_incidents(incidents), read_truth(truth), window_ms)


def score(incidents: Sequence[Incident], faults: Sequence[Fault], window_ms: int) -> Scorecard:
    """Score incidents, one each, against faults."""
    pairs = match(incidents, faults, window_ms)
    by_id = {incident.id: incident for incident in incidents}
    together = shared(incidents, faults, pairs, window_ms)
    of_fault = {fault_id: by_id[found] for fault_id, found in {**pairs, **together}.items()}
    judged = [_judge(fault, of_fault.get(fault.id), incidents, pairs, window_ms) for fault in faults]
    verdicts = [_explain(incident, faults, pairs, window_ms) for incident in incidents]
    found = [verdict for verdict in judged if verdict.outcome == "found"]
    times = [verdict.time_to_detect_s for verdict in found if verdict.time_to_detect_s is not None]
    chance = _chance([fault for fault in faults if fault.id in of_fault], _space(incidents, faults))
    neutral = sum(verdict.neutral for verdict in verdicts)
    return Scorecard(
        recall=Proportion(len(found), sum(fault.counts for fault in faults)),
        precision=Proportion(len(pairs), len(incidents) - neutral),
        hit_1=Proportion(sum(bool(verdict.hit_1) for verdict in found), len(found)),
        hit_3=Proportion(sum(bool(verdict.hit_3) for verdict in found), len(found)),
        chance_1=chance[0],
        chance_3=chance[1],
        median_time_to_detect_s=median(times) if times else None,
        harmless=sum(verdict.outcome == "harmless" for verdict in judged),
        neutral=neutral,
        traps=sum(fault.trap for fault in faults),
        traps_that_hurt=sum(fault.trap and fault.effect_ms is not None for fault in faults),
        on_traps=sum(verdict.on_trap is not None for verdict in verdicts),
        window_ms=window_ms,
        faults=judged,
        incidents=verdicts,
    )


def _judge(
    fault: Fault, incident: Incident | None, incidents: Sequence[Incident], pairs: dict[str, str], window_ms: int
) -> FaultVerdict:
    if fault.trap:
        paired = set(pairs.values())
        fooled = any(i.id not in paired and on_trap(i, fault, window_ms) for i in incidents)
        return FaultVerdict(fault.id, fault.kind, "fooled" if fooled else "quiet")
    if fault.effect_ms is None:
        return FaultVerdict(fault.id, fault.kind, "harmless")
    if incident is None:
        return FaultVerdict(fault.id, fault.kind, "missed")
    return FaultVerdict(
        fault.id,
        fault.kind,
        "found",
        incident.id,
        (incident.opened_ms - fault.effect_ms) / 1000 if fault.id in pairs else None,
        not fault.accepted.isdisjoint(incident.causes[:1]),
        not fault.accepted.isdisjoint(incident.causes[:3]),
        shared=fault.id not in pairs,
    )


def _explain(incident: Incident, faults: Sequence[Fault], pairs: dict[str, str], window_ms: int) -> IncidentVerdict:
    for fault_id, incident_id in pairs.items():
        if incident_id == incident.id:
            return IncidentVerdict(incident.id, fault_id, "found")
    trap = next((fault.id for fault in faults if on_trap(incident, fault, window_ms)), None)
    near = next((fault for fault in faults if fault.counts and starts_near(incident, fault, window_ms)), None)
    if near is not None:
        return IncidentVerdict(incident.id, None, _lost(near, pairs), trap)
    harmless = next((fault.id for fault in faults if on_harmless(incident, fault, window_ms)), None)
    if trap is None and harmless is not None:
        return IncidentVerdict(incident.id, None, f"on harmless {harmless}", neutral=True)
    return IncidentVerdict(incident.id, None, "no fault near" if trap is None else f"on trap {trap}", trap)


def _lost(near: Fault, pairs: dict[str, str]) -> str:
    return f"second incident for {near.id}" if near.id in pairs else f"lasts too long for {near.id}"


def _space(incidents: Iterable[Incident], faults: Iterable[Fault]) -> set[Pair]:
    named = {pair for incident in incidents for pair in incident.causes}
    return named.union(*(fault.accepted for fault in faults))


def _chance(faults: Sequence[Fault], space: set[Pair]) -> tuple[float | None, float | None]:
    """Expected hit of one and of three draws, over the paired faults."""
    if not faults:
        return None, None
    return _expected(faults, len(space), 1), _expected(faults, len(space), 3)


def _expected(faults: Sequence[Fault], size: int, draws: int) -> float:
    drawn = min(draws, size)
    return fmean(1 - comb(size - len(fault.accepted), drawn) / comb(size, drawn) for fault in faults)
