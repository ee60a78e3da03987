"""A recording's truth as the bench reads it, and the row that says what became of a fault."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstide.score_input import Fault, Pair, read_truth
from models.config import Pipeline
from models.times import to_milliseconds

DAY_MS = 86_400_000
#: What a row repeats of the truth's entry.
KEPT = ("kind", "target", "intensity", "trap", "start", "end", "effect_at", "effect")


@dataclass(frozen=True)
class Truth:
    """Faults of one recording; `said` holds the truth's own entries by id."""

    recording: str
    faults: list[Fault]
    said: dict[str, dict[str, Any]]
    service_days: float
    window_ms: int

    def row(self, fault: Fault, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Write a fault's row: what was done, what it did, and `outcome`."""
        said = self.said[fault.id]
        kept = {name: said.get(name) for name in KEPT}
        return {"recording": self.recording, "id": fault.id, **kept, **outcome}


def truth_of(folder: Path, pipeline: Pipeline) -> Truth:
    """Read the truth of a recording. Raises ScoreInputError (crosstide.score_input) for one that is none."""
    faults = read_truth(folder / "truth.json")
    whole = json.loads((folder / "truth.json").read_bytes())
    length = to_milliseconds(whole["ended_at"]) - to_milliseconds(whole["started_at"])
    services = max(1, len(pipeline.topology.services))
    said = {entry["id"]: entry for entry in whole["faults"]}
    return Truth(folder.name, faults, said, services * length / DAY_MS, pipeline.windows.size)


def outcome(
    found: bool | None, windows: float | None, cause: Pair | None, hit_1: bool | None, hit_3: bool | None
) -> dict[str, Any]:
    """Write the half of a row that a judge fills; `found` is None where nothing was to be found (traps, no effect)."""
    named = None if cause is None else " on ".join(filter(None, (cause[1], cause[0])))
    return {"found": found, "detection_windows": windows, "cause": named, "hit_at_1": hit_1, "hit_at_3": hit_3}
