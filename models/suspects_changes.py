"""Suspects before an incident: what was changed."""

from collections.abc import Iterator

from models.correlate_state import HeldChange
from models.incident import Category
from models.scene import Scene, calm_weight
from models.suspect import Suspect
from models.times import to_iso

#: How well a change explains each family of symptoms.
CHANGE_FIT = {"performance": 0.55, "outputs": 0.95, "inputs": 0.45, "other": 0.5}
CHANGE_KIND: dict[str, tuple[Category, float]] = {
    "model_version": ("model_version", 1.0),
    "deploy": ("deployment", 0.95),
    "config": ("deployment", 0.9),
    "baseline": ("unknown", 0.4),
}


def change_suspects(scene: Scene) -> Iterator[Suspect]:
    """Changes shortly before the onset: the nearer the likelier; what changed decides what it can explain."""
    weights = scene.weights
    total = sum(weights.values())
    fit = sum(CHANGE_FIT[name] * weight for name, weight in weights.items()) / total if total else 0.5
    for change in scene.changes:
        if change.relation == "caller":
            continue
        category, weight = CHANGE_KIND[change.type]
        score = fit * weight * _recency(change, scene) * (1.0 if change.relation == "self" else 0.7)
        what = {"model_version": "model version", "deploy": "deploy"}.get(change.type, f"{change.type} change")
        argument = f"{what} {change.ref} of {change.subject} at {to_iso(change.timestamp_ms)[11:19]}, "
        gap_s = (scene.onset_ms - change.timestamp_ms) / 1000
        argument += f"{abs(gap_s):.0f} s {'before' if gap_s >= 0 else 'into'} the first strange window"
        yield Suspect(change.subject, category, "change", score, argument, None, change.timestamp_ms)


def _recency(change: HeldChange, scene: Scene) -> float:
    """Weigh a change by the windows between it and the onset."""
    before_ms = scene.onset_ms - change.timestamp_ms
    return 0.9 if before_ms < 0 else calm_weight(before_ms / scene.window_ms - 1)
