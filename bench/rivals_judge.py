"""The rivals' alerts held against a recording's truth, more kindly than the pipeline's incidents are.

* Each alert is an incident. A fault is found by any alert that starts near its effect, by the rule of
  `crosstide score`; how long the alert lasts does not matter. One alert may find two faults.
* Right: an alert that starts near an effect, or at any time while the fault lasts; a second, a tenth one is right too,
  where the pipeline's second incident for a fault is false. `alerts` says what that kindness hides.
* Cause: the subject of the strongest alert that starts near the effect; hit when it is an accepted entity, whatever
  the category, for alerts name none. The pipeline must name both. Chance is drawn from the subjects named alike.
"""

from collections.abc import Iterable, Sequence
from math import comb

from bench.lab_counts import Counts, Row
from bench.lab_truth import Truth, outcome
from bench.rivals import Alert
from crosstide.score_input import Fault, Incident
from crosstide.score_match import on_harmless, on_trap, starts_near

Sent = tuple[Alert, Incident]


def judge_alerts(truth: Truth, alerts: Sequence[Alert]) -> Counts:
    """Score the alerts of one rival."""
    sent = [(alert, _incident(number, alert)) for number, alert in enumerate(alerts)]
    wanted = [fault for fault in truth.faults if fault.counts]
    near = {f.id: [one for one in sent if starts_near(one[1], f, truth.window_ms)] for f in wanted}
    found = [fault for fault in wanted if near[fault.id]]
    causes = {fault.id: _entities(near[fault.id]) for fault in found}
    right = {i.id for _, i in sent for fault in wanted if _is_right(i, fault, truth.window_ms)}
    left = [i for _, i in sent if i.id not in right]
    trapped = {i.id for i in left for fault in truth.faults if on_trap(i, fault, truth.window_ms)}
    neutral = {i.id for i in left for fault in truth.faults if on_harmless(i, fault, truth.window_ms)} - trapped
    space = {alert.entity for alert in alerts} | {entity for fault in truth.faults for entity in _accepted(fault)}
    delays = {f.id: (min(a.opened_ms for a, _ in near[f.id]) - (f.effect_ms or 0)) / truth.window_ms for f in found}
    return Counts(
        faults=len(wanted),
        found=len(found),
        right=len(right),
        judged=len(sent) - len(neutral),
        hit_1=sum(not _accepted(f).isdisjoint(causes[f.id][:1]) for f in found),
        hit_3=sum(not _accepted(f).isdisjoint(causes[f.id][:3]) for f in found),
        chance_1=sum(_chance(f, len(space), 1) for f in found),
        chance_3=sum(_chance(f, len(space), 3) for f in found),
        delays=tuple(delays.values()),
        on_traps=len(trapped),
        traps=sum(fault.trap for fault in truth.faults),
        service_days=truth.service_days,
        without_effect=sum(not f.trap and f.effect_ms is None for f in truth.faults),
        alerts=len(alerts),
        rows=tuple(_row(truth, fault, causes.get(fault.id), delays.get(fault.id)) for fault in wanted),
    )


def _incident(number: int, alert: Alert) -> Incident:
    times = (alert.onset_ms, alert.opened_ms, alert.end_ms)
    return Incident(str(number), *times, resolved=True, clear_ms=0, causes=((alert.entity, ""),))


def _is_right(incident: Incident, fault: Fault, window_ms: int) -> bool:
    lasting = (fault.effect_ms or 0) - window_ms <= incident.onset_ms <= fault.over_ms + window_ms
    return lasting or starts_near(incident, fault, window_ms)


def _entities(near: Iterable[Sent]) -> list[str]:
    """Distinct subjects, that of the strongest alert first."""
    return list(dict.fromkeys(alert.entity for alert, _ in sorted(near, key=lambda one: -one[0].strength)))


def _accepted(fault: Fault) -> set[str]:
    return {entity for entity, _ in fault.accepted}


def _chance(fault: Fault, size: int, draws: int) -> float:
    drawn = min(draws, size)
    return 1 - comb(size - len(_accepted(fault)), drawn) / comb(size, drawn)


def _row(truth: Truth, fault: Fault, causes: list[str] | None, delay: float | None) -> Row:
    if causes is None:
        return truth.row(fault, outcome(False, None, None, None, None))
    hits = [not _accepted(fault).isdisjoint(causes[:most]) for most in (1, 3)]
    return truth.row(fault, outcome(True, delay, (causes[0], ""), *hits))
