"""Suspects under a service: machines that ran short, kills, restarts, and telemetry that stopped."""

from collections.abc import Iterator
from dataclasses import replace

from models.incident import Category
from models.scene import HARD, Scene
from models.suspect import Suspect, describe
from models.symptoms import Machine, falls_when_scarce, machine_of
from models.traces import Trace

#: Machines hardly change what a model answers: what is left of their score when only the answers are strange.
MACHINE_FLOOR = 0.15
#: Lost telemetry beside symptoms of requests, and without any.
SILENCE_BESIDE, SILENCE_ALONE = 0.3, 0.85
#: Saturation that is no older than a surge is its effect: what is left of its score.
UNDER_SURGE = 0.7


def machine_suspects(scene: Scene) -> Iterator[Suspect]:
    """Machines that ran short: only in the direction that means shortage, weighed by level, time and fit."""
    weights = scene.weights
    fit = max(MACHINE_FLOOR, weights["performance"]) if scene.symptoms else 1.0
    for trace in scene.machines:
        signal = trace.named
        if signal is None or trace.rise == (1 if falls_when_scarce(signal) else -1):
            continue
        machine = machine_of(signal)
        fits = 1.0 if trace.detector in HARD else fit  # a process that was killed explains whatever it did not answer
        score = machine.weight * trace.strength * scene.nearness(trace) * fits * _level(trace, signal)
        score *= 1.0 if trace.rise else 0.5
        score *= 1.0 if trace.signal is not None else 0.5
        score *= 1.0 if trace.detector in HARD else {"carrier": 1.0, "self": 0.7}.get(trace.relation, 0.6)
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
    """Entities whose telemetry stopped: all there is to say where no request suffers, little where some do."""
    for entity in scene.silent:
        score = SILENCE_BESIDE if scene.symptoms else SILENCE_ALONE
        yield Suspect(entity, "telemetry_loss", "infra", score, f"telemetry of {entity} stopped")


def under_surge(machine: Suspect, surges: list[Suspect]) -> Suspect:
    """Weigh saturation beside a surge: machines that fill up with the load, or after it, are not its cause."""
    onset_ms = min((surge.at_ms or 0 for surge in surges), default=None)
    effect = onset_ms is not None and machine.category == "resource_saturation" and (machine.at_ms or 0) >= onset_ms
    return replace(machine, score=UNDER_SURGE * machine.score) if effect else machine
