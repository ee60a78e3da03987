"""Which incident is which fault."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from crosstide.score_input import Fault, Incident

#: An incident may start so long after the effect at least, however short the windows are.
GRACE_MS = 60_000
#: Causes of an incident that are looked through for a second fault that strikes at the same time.
NAMED = 3


def starts_near(incident: Incident, fault: Fault, window_ms: int) -> bool:
    """Say whether it starts between one window before the fault and max(3 windows, 60 s) after the effect.

    Who sees a fault before its requests suffer is early, not wrong.
    """
    if fault.effect_ms is None or not within_reach(incident, fault):
        return False
    first = min(fault.start_ms, fault.effect_ms) - window_ms
    return first <= incident.onset_ms <= fault.effect_ms + max(3 * window_ms, GRACE_MS)


def within_reach(incident: Incident, fault: Fault) -> bool:
    """Say whether it is of a service that the fault can trouble, as far as both are known."""
    return fault.reach is None or not incident.service or incident.service in fault.reach


def too_long(incident: Incident, fault: Fault) -> bool:
    """Say whether it lasts longer than twice the fault (till it was really over) plus the clear time."""
    allowed = 2 * (fault.over_ms - fault.start_ms) + incident.clear_ms
    return incident.end_ms - incident.onset_ms > allowed


def on_trap(incident: Incident, fault: Fault, window_ms: int) -> bool:
    """Say whether it overlaps the trap, from one window before its start to 60 s after its end."""
    return fault.trap and incident.onset_ms <= fault.end_ms + GRACE_MS and incident.end_ms >= fault.start_ms - window_ms


def on_harmless(incident: Incident, fault: Fault, window_ms: int) -> bool:
    """Say whether it starts, within one window, while a fault that hurt no request lasts: neither right nor false."""
    harmless = not fault.trap and fault.effect_ms is None
    return harmless and fault.start_ms - window_ms <= incident.onset_ms <= fault.over_ms + window_ms


def shared(
    incidents: Sequence[Incident], faults: Sequence[Fault], pairs: Mapping[str, str], window_ms: int
) -> dict[str, str]:
    """Find faults without an incident of their own that the incident of an overlapping fault names.

    Two faults overlap when both hurt and one begins before the other is over. Named: an accepted (entity, category) is
    among the first three causes of an incident that lasts at the effect, or begins near it. Returns fault id ->
    incident id.
    """
    by_id = {incident.id: incident for incident in incidents}
    found: dict[str, str] = {}
    for fault in faults:
        if not fault.counts or fault.id in pairs:
            continue
        for other in faults:
            incident = by_id.get(pairs.get(other.id, ""))
            if incident is not None and _overlap(fault, other) and _names(incident, fault, window_ms):
                found.setdefault(fault.id, incident.id)
    return found


def _overlap(one: Fault, other: Fault) -> bool:
    return one.start_ms < other.over_ms and other.start_ms < one.over_ms


def _names(incident: Incident, fault: Fault, window_ms: int) -> bool:
    lasts = incident.onset_ms <= (fault.effect_ms or 0) <= incident.end_ms
    return (lasts or starts_near(incident, fault, window_ms)) and not fault.accepted.isdisjoint(incident.causes[:NAMED])


def match(incidents: Sequence[Incident], faults: Sequence[Fault], window_ms: int) -> dict[str, str]:
    """Pair incidents with faults that count, one to one: as many pairs as possible, then the smallest distance.

    Returns fault id -> incident id. The distance of a pair is |onset - effect|.
    """
    wanted = [fault for fault in faults if fault.counts]
    if not wanted or not incidents:
        return {}
    # a pair is worth more than all distances together, so that no nearness can outweigh a match
    worth = float(sum(max(3 * window_ms, GRACE_MS) + window_ms for _ in wanted) + 1)
    cost = np.zeros((len(wanted), len(incidents)))
    for row, fault in enumerate(wanted):
        for column, incident in enumerate(incidents):
            if starts_near(incident, fault, window_ms) and not too_long(incident, fault):
                cost[row, column] = abs(incident.onset_ms - (fault.effect_ms or 0)) - worth
    rows, columns = linear_sum_assignment(cost)
    return {
        wanted[row].id: incidents[column].id for row, column in zip(rows, columns, strict=True) if cost[row, column] < 0
    }
