"""Which incident is which fault."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from crosstide.score_input import Fault, Incident

#: An incident may start so long after the effect at least, however short the windows are.
GRACE_MS = 60_000


def starts_near(incident: Incident, fault: Fault, window_ms: int) -> bool:
    """Say whether it starts within one window before and max(3 windows, 60 s) after the effect, ends included."""
    if fault.effect_ms is None:
        return False
    after = incident.onset_ms - fault.effect_ms
    return -window_ms <= after <= max(3 * window_ms, GRACE_MS)


def too_long(incident: Incident, fault: Fault) -> bool:
    """Say whether it lasts longer than twice the fault plus the clear time."""
    allowed = 2 * (fault.end_ms - fault.start_ms) + incident.clear_ms
    return incident.end_ms - incident.onset_ms > allowed


def on_trap(incident: Incident, fault: Fault, window_ms: int) -> bool:
    """Say whether it overlaps the trap, from one window before its start to 60 s after its end."""
    return fault.trap and incident.onset_ms <= fault.end_ms + GRACE_MS and incident.end_ms >= fault.start_ms - window_ms


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
