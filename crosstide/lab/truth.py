"""`truth.json`: what was done, when, what the requests suffered from it, and until when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from crosstide.lab.clock import iso
from crosstide.lab.effect import BIN_MS, LEAST_BINS_BEFORE, Effect, Span, first_effect, telemetry_effect
from crosstide.lab.effect_measures import MEASURES, RATE, Request
from crosstide.lab.faults import FaultKind
from crosstide.lab.files import Record
from crosstide.lab.plan import Slot
from crosstide.lab.truth_input import readings, requests

SCHEMA_VERSION = 1
#: After a fault, queues drain: this much is not taken for quiet when the next fault is judged.
RECOVERY_MS = 5_000
#: Recovery is followed for so long after a fault.
FOLLOWED_MS = 60_000

Reach = Callable[[Slot], Sequence[str]]


@dataclass(frozen=True)
class Done:
    """A fault as it really happened; times in ms since 1970."""

    slot: Slot
    kind: FaultKind
    start: int
    end: int


def truth(
    seed: int, start: int, end: int, done: Sequence[Done], topics: Mapping[str, Sequence[Record]], reach: Reach
) -> dict[str, Any]:
    """Write the truth of a recording (`start`, `end`: ms since 1970).

    Effects are measured on its records of the topics `model-outputs`, `labels` and `telemetry`, as `effect` says, on
    the services that `reach` names. Where there was too little quiet before a fault, its effect is null and
    `unmeasured` says so.
    """
    made = _Measured(requests(topics), readings(topics), reach)
    faults, quiet_from = list[dict[str, Any]](), start
    for group, following in pairwise([*_together(done), []]):
        stop = following[0].start if following else end
        effects = list[Effect | None]()
        for fault in group:
            why = ""
            try:
                effects.append(made.effect(fault, group, quiet_from, min(stop, fault.end + FOLLOWED_MS)))
            except ValueError as error:  # twenty minutes of recording are not thrown away for it
                effects.append(None)
                why = str(error)
            faults.append(_entry(fault, effects[-1], reach(fault.slot)) | ({"unmeasured": why} if why else {}))
        recovered = max((effect.recovered_ms for effect in effects if effect is not None), default=start)
        # what has not recovered is no quiet, as long as enough is left to compare with
        quiet_from = max(_end(group) + RECOVERY_MS, min(recovered, stop - (LEAST_BINS_BEFORE + 1) * BIN_MS))
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "started_at": iso(start),
        "ended_at": iso(end),
        "faults": faults,
    }


@dataclass(frozen=True)
class _Measured:
    """What effects are measured on: requests by service, times of readings by entity."""

    requests: Mapping[str, Sequence[Request]]
    readings: Mapping[str, Sequence[int]]
    reach: Reach

    def effect(self, fault: Done, group: Sequence[Done], quiet_from: int, until: int) -> Effect | None:
        """Measure a fault of a group of faults that overlap: they share the quiet time before the first."""
        span = Span(fault.start, fault.end, quiet_from, group[0].start, max(until, fault.end))
        if "telemetry_loss" in fault.kind.categories:
            entities = fault.kind.entities(fault.slot.target)
            found = [telemetry_effect(entity, self.readings.get(entity, ()), span) for entity in entities]
            return min((effect for effect in found if effect is not None), default=None)
        trapped = any(one.kind.trap for one in group)
        measures = {name: measure for name, measure in MEASURES.items() if not (trapped and name == RATE)}
        return first_effect(self.requests, span, self.reach(fault.slot), measures)


def _together(done: Sequence[Done]) -> list[list[Done]]:
    """Put faults that overlap into one group; groups and their faults in order of their start."""
    groups: list[list[Done]] = []
    for fault in sorted(done, key=lambda one: one.start):
        if groups and fault.start < _end(groups[-1]):
            groups[-1].append(fault)
        else:
            groups.append([fault])
    return groups


def _end(group: Sequence[Done]) -> int:
    return max(fault.end for fault in group)


def _entry(fault: Done, effect: Effect | None, reach: Sequence[str]) -> dict[str, Any]:
    return {
        "id": fault.slot.id,
        "kind": fault.kind.name,
        "does": fault.kind.does,
        "trap": fault.kind.trap,
        "start": iso(fault.start),
        "end": iso(fault.end),
        "intensity": fault.slot.intensity,
        "target": fault.slot.target,
        "reach": list(reach),
        "categories": list(fault.kind.categories),
        "entities": [] if fault.kind.trap else list(fault.kind.entities(fault.slot.target)),
        "effect_at": None if effect is None else iso(effect.at_ms),
        "recovered_at": None if effect is None else iso(effect.recovered_ms),
        "effect": None if effect is None else _effect(effect),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "service": effect.service,
        "measure": effect.measure,
        "before": round(effect.before, 4),
        "during": round(effect.during, 4),
    }
