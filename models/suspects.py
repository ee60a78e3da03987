"""The suspects of an incident: each finder looks at one kind, and answers with a score (0..1) and an argument."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.correlate_state import HeldChange
from models.incident import Category, Domain
from models.scene import Scene
from models.symptoms import Machine, falls_when_scarce, family_of, machine_of, matches, say
from models.times import to_iso
from models.traces import Trace

#: Machines hardly change what a model answers: what is left of their score when only the answers are strange.
MACHINE_FLOOR = 0.15
#: How well a change explains each family of symptoms.
CHANGE_FIT = {"performance": 0.55, "outputs": 0.95, "inputs": 0.45, "other": 0.5}
CHANGE_KIND: dict[str, tuple[Category, float]] = {
    "model_version": ("model_version", 1.0),
    "deploy": ("deployment", 0.95),
    "config": ("deployment", 0.9),
    "baseline": ("unknown", 0.4),
}
#: So many calm windows after a change halve the suspicion.
CALM_HALVING = 2.0
#: A wait for something unseen: under a busy machine and under a change, above the unknown.
WAIT_WEIGHT = 0.6
UNKNOWN_SCORE = 0.15
#: From this score on a machine is said to be short.
SHORT = 0.3


@dataclass(frozen=True)
class Suspect:
    """A candidate before its confidence is known."""

    entity: str
    category: Category
    domain: Domain
    score: float
    argument: str
    trace: Trace | None = None
    at_ms: int | None = None


def machine_suspects(scene: Scene) -> Iterator[Suspect]:
    """Machines that ran short: only in the direction that means shortage, weighed by level, time and fit."""
    weights = scene.weights
    fit = max(MACHINE_FLOOR, weights["performance"]) if scene.symptoms else 1.0
    for trace in scene.machines:
        signal = trace.named
        if signal is None or trace.rise == (1 if falls_when_scarce(signal) else -1):
            continue
        machine = machine_of(signal)
        score = machine.weight * trace.strength * scene.nearness(trace) * fit * _level(trace, signal)
        score *= 1.0 if trace.rise else 0.5
        score *= 1.0 if trace.signal is not None else 0.5
        score *= {"carrier": 1.0, "self": 0.7}.get(trace.relation, 0.6)
        argument = f"{machine.words} on {trace.subject}: {signal} {describe(trace)}, {scene.when(trace.onset_ms)}"
        yield Suspect(trace.subject, _category(machine, trace, scene), "infra", score, argument, trace, trace.onset_ms)


def _category(machine: Machine, trace: Trace, scene: Scene) -> Category:
    """Errors under a strange GPU speak of a fault; slowness alone of saturation."""
    of_gpu = trace.subject.startswith("gpu/") or machine.words.startswith("GPU")
    if of_gpu and any(symptom.named == "error_rate" for symptom in scene.symptoms):
        return "gpu_fault"
    return machine.category


def _level(trace: Trace, signal: str) -> float:
    """Weigh a utilization by its level: half used is not short, whatever is normal; percent are read as such."""
    if trace.signal is None or trace.peak.observed is None or "utilization" not in signal:
        return 1.0
    used = trace.peak.observed / 100 if trace.peak.observed > 1.5 else trace.peak.observed
    return 0.4 + 0.6 * min(1.0, max(0.0, (used - 0.5) / 0.35))


def silence_suspects(scene: Scene) -> Iterator[Suspect]:
    """Entities whose telemetry stopped."""
    for entity in scene.silent:
        yield Suspect(entity, "telemetry_loss", "infra", 0.3, f"telemetry of {entity} stopped")


def dependency_suspects(scene: Scene) -> Iterator[Suspect]:
    """Services that this one calls and that are strange themselves; each passes on only what it has."""
    weights = scene.weights
    for trace in scene.traces:
        if trace.stream != "model" or trace.relation != "dependency" or trace.named is None:
            continue
        slow = family_of(trace.named) == "performance"
        fit = weights["performance"] if slow else 0.5 * max(weights["outputs"], weights["inputs"])
        score = 0.9 * trace.strength * scene.nearness(trace) * fit
        name = trace.subject.removeprefix("service/")
        argument = f"{name}, which it calls, is strange itself: {say(trace.named)} {describe(trace)}, "
        yield Suspect(
            trace.subject, "dependency", "infra", score, argument + scene.when(trace.onset_ms), trace, trace.onset_ms
        )


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
    """Weigh a change by the windows between it and the onset: each one that stayed calm speaks for it."""
    before_ms = scene.onset_ms - change.timestamp_ms
    calm = max(0.0, before_ms / scene.window_ms - 1)
    return 0.9 if before_ms < 0 else float(0.5 ** (calm / CALM_HALVING))


def input_suspects(scene: Scene) -> Iterator[Suspect]:
    """Requests that are not what they were: missing values, or values from elsewhere."""
    for trace in scene.symptoms:
        signal = trace.named or ""
        if family_of(signal) != "inputs":
            continue
        missing = matches(signal, ("*missing_rate",))
        if missing and trace.rise < 0:
            continue
        score = (0.9 if missing else 0.85) * trace.strength * scene.nearness(trace)
        words = "more values are missing in the requests" if missing else "the requests differ from the reference"
        category: Category = "data_quality" if missing else "input_drift"
        argument = f"{words}: {say(signal)} {describe(trace)}"
        yield Suspect(scene.entity, category, "data", score, argument, trace, trace.onset_ms)


def surge_suspects(scene: Scene) -> Iterator[Suspect]:
    """More requests than before, no later than the slowness."""
    slow = [trace for trace in scene.symptoms if matches(trace.named or "", ("latency*", "error_rate"))]
    for trace in scene.symptoms:
        if trace.named != "rate" or trace.rise <= 0 or any(other.onset_ms < trace.onset_ms for other in slow):
            continue
        score = 0.9 * trace.strength * scene.nearness(trace)
        argument = f"more requests came first: {say('rate')} {describe(trace)}, {scene.when(trace.onset_ms)}"
        yield Suspect(scene.entity, "traffic_surge", "data", score, argument, trace, trace.onset_ms)


def wait_suspects(scene: Scene, busiest: float) -> Iterator[Suspect]:
    """Slow or failing, no machine short (`busiest`: the best machine's score): it waits for something unseen."""
    slow = [t for t in scene.symptoms if matches(t.named or "", ("latency*", "error_rate")) and t.rise >= 0]
    if not slow:
        return
    trace = min(slow, key=lambda one: (-one.peak.score, one.key))
    seen = any(other.relation == "dependency" for other in scene.traces)  # what it waits for may not be unseen at all
    score = (
        WAIT_WEIGHT
        * (0.5 if seen else 1.0)
        * trace.strength
        * scene.weights["performance"]
        * (1 - min(1.0, busiest) ** 2)
    )
    idle = "no machine under it is short" if busiest < SHORT else "the machine under it may not be all of it"
    argument = f"{say(trace.named or '')} {describe(trace)} and {idle}: it waits for something unseen"
    yield Suspect(scene.entity, "dependency", "infra", score, argument, trace, trace.onset_ms)


def unknown_suspect(scene: Scene) -> Suspect:
    """The constant that every suspect has to beat."""
    answers = max(scene.weights["outputs"], scene.weights["inputs"]) > scene.weights["performance"]
    domain: Domain = "model" if answers else "unknown"
    return Suspect(scene.entity, "unknown", domain, UNKNOWN_SCORE, "nothing seen explains it")


def describe(trace: Trace) -> str:
    """Say how far a signal is from its expectation."""
    peak = trace.peak
    if trace.signal is None or peak.observed is None or peak.expected is None:
        return {1: "unusually high", -1: "unusually low"}.get(trace.rise, "unusual")
    if peak.expected > 0 and not 0.8 < (ratio := peak.observed / peak.expected) < 1.25:
        return f"{ratio:.2g}x its expectation" if ratio < 10 else f"{ratio:.0f}x its expectation"
    return f"{peak.observed:.3g} instead of {peak.expected:.3g}"
