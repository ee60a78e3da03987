"""Suspects above a service: requests that are not what they were, or too many."""

from collections.abc import Iterator

from models.incident import Category
from models.scene import Scene
from models.suspect import Suspect, describe
from models.symptoms import MISSING, family_of, feature_of, matches, say

#: So many features that moved together are a changed world; fewer are a broken pipeline rather.
WORLD_MOVES = 3
#: Requests that must have changed, though no feature shows it: below whatever is seen.
UNSEEN_WEIGHT = 0.5


def input_suspects(scene: Scene) -> Iterator[Suspect]:
    """Requests that are not what they were: missing values, one feature alone, or values from elsewhere."""
    moved = {feature_of(t.named or "") for t in scene.symptoms if not matches(t.named or "", MISSING)} - {None}
    for trace in scene.symptoms:
        signal = trace.named or ""
        if family_of(signal) != "inputs":
            continue
        missing = matches(signal, MISSING)
        if missing and trace.rise < 0:
            continue
        score = (0.9 if missing else 0.85) * trace.strength * scene.nearness(trace)
        category: Category = "data_quality" if missing or 0 < len(moved) < WORLD_MOVES else "input_drift"
        if missing:
            words = "more values are missing in the requests"
        elif category == "data_quality":
            words = f"only {' and '.join(sorted(filter(None, moved)))} changed in the requests, as by a broken pipeline"
        else:
            words = "the requests differ from the reference"
        argument = f"{words}: {say(signal)} {describe(trace)}"
        yield Suspect(scene.entity, category, "data", score, argument, trace, trace.onset_ms)


def unseen_input_suspects(scene: Scene) -> Iterator[Suspect]:
    """Other answers from the same model: a model is a function of its requests, so these must have changed.

    What changed is not in any single feature (two that changed places, say), else the drift of that feature would be
    here. A new version would explain it as well, and stands among the changes.
    """
    outputs = [trace for trace in scene.symptoms if family_of(trace.named or "") == "outputs"]
    if outputs and scene.weights["performance"] < 1 and not scene.weights["inputs"]:
        trace = min(outputs, key=lambda one: (-one.peak.score, one.key))
        score = UNSEEN_WEIGHT * trace.strength * scene.nearness(trace)
        argument = f"{say(trace.named or '')} {describe(trace)} while the model is the same: its requests must differ"
        yield Suspect(scene.entity, "input_drift", "data", score, argument, trace, trace.onset_ms)


def surge_suspects(scene: Scene) -> Iterator[Suspect]:
    """More requests than before, no later than the slowness."""
    slow = [trace for trace in scene.symptoms if matches(trace.named or "", ("latency*", "error_rate"))]
    for trace in scene.symptoms:
        if trace.named != "rate" or trace.rise <= 0 or any(other.onset_ms < trace.onset_ms for other in slow):
            continue
        score = 0.9 * trace.strength * scene.nearness(trace)
        argument = f"more requests came first: {say('rate')} {describe(trace)}, {scene.when(trace.onset_ms)}"
        yield Suspect(scene.entity, "traffic_surge", "data", score, argument, trace, trace.onset_ms)
