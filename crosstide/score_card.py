"""The result of scoring a run: what became of each fault, what each incident was, and the shares."""

from dataclasses import asdict, dataclass
from typing import Any

from crosstide.intervals import Proportion


@dataclass(frozen=True)
class FaultVerdict:
    """What became of one fault: `found`, `missed`, `harmless`, or for a trap `quiet` or `fooled`; seconds.

    `shared`: found in the incident of a fault that struck at the same time; such a one has no time to detect.
    """

    id: str
    kind: str
    outcome: str
    incident_id: str | None = None
    time_to_detect_s: float | None = None
    hit_1: bool | None = None
    hit_3: bool | None = None
    shared: bool = False


@dataclass(frozen=True)
class IncidentVerdict:
    """What one incident was: the fault that it found, or why it is false; `neutral` ones are neither."""

    id: str
    fault_id: str | None
    reason: str
    on_trap: str | None = None
    neutral: bool = False


@dataclass(frozen=True)
class Scorecard:
    """The result; `chance_1` and `chance_3` are expected shares, None where no incident was paired.

    `traps_that_hurt`: traps during which requests did suffer; an incident there is held against the trap all the same,
    so a recording with one is a poor judge of quiet.
    """

    recall: Proportion
    precision: Proportion
    hit_1: Proportion
    hit_3: Proportion
    chance_1: float | None
    chance_3: float | None
    median_time_to_detect_s: float | None
    harmless: int
    neutral: int
    traps: int
    traps_that_hurt: int
    on_traps: int
    window_ms: int
    faults: list[FaultVerdict]
    incidents: list[IncidentVerdict]

    def to_json(self) -> dict[str, Any]:
        """Write the whole card as plain JSON values; proportions carry n and their Wilson interval."""
        plain = asdict(self)
        return {k: getattr(self, k).to_json() if isinstance(getattr(self, k), Proportion) else plain[k] for k in plain}
