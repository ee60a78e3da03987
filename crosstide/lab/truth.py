"""`truth.json`: what was done, when, and what the requests suffered from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crosstide.lab.clock import iso
from crosstide.lab.effect import Effect, Request, first_effect
from crosstide.lab.faults import FaultKind
from crosstide.lab.plan import Slot

SCHEMA_VERSION = 1
#: After a fault, queues drain: this much is not taken for quiet when the next fault is judged.
RECOVERY_MS = 5_000


@dataclass(frozen=True)
class Done:
    """A fault as it really happened; times in ms since 1970."""

    slot: Slot
    kind: FaultKind
    start: int
    end: int


def truth(seed: int, start: int, end: int, done: Sequence[Done], records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Write the truth of a recording, with the effects measured on its records of topic `model-outputs`."""
    requests = _requests(records)
    faults, quiet_from = [], start
    for fault in done:
        faults.append(_entry(fault, first_effect(requests, fault.start, fault.end, quiet_from)))
        quiet_from = fault.end + RECOVERY_MS
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "started_at": iso(start),
        "ended_at": iso(end),
        "faults": faults,
    }


def _entry(fault: Done, effect: Effect | None) -> dict[str, Any]:
    return {
        "id": fault.slot.id,
        "kind": fault.kind.name,
        "trap": fault.kind.trap,
        "start": iso(fault.start),
        "end": iso(fault.end),
        "intensity": fault.slot.intensity,
        "target": fault.slot.target,
        "categories": list(fault.kind.categories),
        "entities": [] if fault.kind.trap else [fault.slot.target],
        "effect_at": None if effect is None else iso(effect.at_ms),
        "effect": None if effect is None else _effect(effect),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "service": effect.service,
        "measure": effect.measure,
        "before": round(effect.before, 4),
        "during": round(effect.during, 4),
    }


def _requests(records: Iterable[dict[str, Any]]) -> dict[str, list[Request]]:
    found: dict[str, list[Request]] = {}
    for record in records:
        at_ms = round(datetime.fromisoformat(record["timestamp"]).timestamp() * 1000)
        row = Request(at_ms, record.get("latency_ms"), record.get("confidence"), bool(record.get("error", False)))
        found.setdefault(record["service"], []).append(row)
    return found
