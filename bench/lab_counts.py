"""What one judged recording gives, in numbers that add up over recordings, and the figures that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

from crosstide.intervals import bootstrap_median, garwood, wilson

Row = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Faults that count and those found; incidents that are right and that are judged (neutral ones left out).

    `hit_1`, `hit_3`: found faults with the right cause; `chance_*`: sums of the expected hits over found faults.
    `delays`: windows from effect to opening. `alerts`: what a person would have been sent. Rows are for reading.
    """

    faults: int = 0
    found: int = 0
    right: int = 0
    judged: int = 0
    hit_1: int = 0
    hit_3: int = 0
    chance_1: float = 0.0
    chance_3: float = 0.0
    delays: tuple[float, ...] = ()
    on_traps: int = 0
    traps: int = 0
    service_days: float = 0.0
    without_effect: int = 0
    alerts: int = 0
    rows: tuple[Row, ...] = ()
    false: tuple[Row, ...] = ()

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def figures(counts: Counts) -> Row:
    """Make the figures of one part; a share, median or rate of nothing is None. Intervals: 95 %."""
    wrong = counts.judged - counts.right
    days = counts.service_days
    return {
        "n_faults": counts.faults,
        "n_without_effect": counts.without_effect,
        "n_traps": counts.traps,
        "n_incidents": counts.judged,
        "incident_recall": _share(counts.found, counts.faults),
        "incident_precision": _share(counts.right, counts.judged),
        "cause_hit_at_1": _share(counts.hit_1, counts.found),
        "cause_hit_at_3": _share(counts.hit_3, counts.found),
        "chance_hit_at_1": _share(counts.chance_1, counts.found),
        "chance_hit_at_3": _share(counts.chance_3, counts.found),
        "median_detection_windows": median(counts.delays) if counts.delays else None,
        "quiet_trap_incidents": counts.on_traps,
        "false_incidents_per_service_day": _share(wrong, days),
        "alerts": counts.alerts,
        "intervals": {
            "incident_recall": wilson(counts.found, counts.faults),
            "incident_precision": wilson(counts.right, counts.judged),
            "cause_hit_at_1": wilson(counts.hit_1, counts.found),
            "cause_hit_at_3": wilson(counts.hit_3, counts.found),
            "median_detection_windows": bootstrap_median(counts.delays),
            "quiet_trap_incidents": garwood(counts.on_traps),
            "false_incidents_per_service_day": tuple(end / days for end in garwood(wrong)) if days else None,
        },
        "faults": list(counts.rows),
        "false_incidents": list(counts.false),
    }


def part(ours: Counts, rivals: Mapping[str, Counts], about: Row) -> Row:
    """Put one part of `lab.json` together."""
    return {**figures(ours), "rivals": {name: figures(counts) for name, counts in rivals.items()}, "about": about}


def _share(hits: float, whole: float) -> float | None:
    return hits / whole if whole else None
