"""The incident in words: one line for a pager, a short summary, and what to do next."""

from models.incident import Category
from models.scene import Scene
from models.suspect import Suspect, describe
from models.symptoms import family_of, machine_of, say
from models.times import to_iso
from models.traces import Trace

_CAUSES: dict[Category, str] = {
    "oom": "an out-of-memory kill on {entity}",
    "gpu_fault": "a GPU fault on {entity}",
    "network": "network trouble on {entity}",
    "storage": "slow storage on {entity}",
    "dependency": "slow or failing {entity}",
    "traffic_surge": "more traffic on {entity}",
    "deployment": "the deploy of {entity}",
    "model_version": "the new model version of {entity}",
    "input_drift": "changed requests to {entity}",
    "concept_drift": "a changed world behind {entity}",
    "data_quality": "missing or broken values in the requests to {entity}",
    "telemetry_loss": "lost telemetry of {entity}",
}
_ADVICE: dict[Category, str] = {
    "resource_saturation": "Find what uses up {entity} (newest process, batch job, neighbour) and move, limit or stop"
    " it; or give the service more room.",
    "oom": "Look for the kill in the kernel log of {entity}; raise the memory limit or find the leak.",
    "gpu_fault": "Check the driver's error counters of {entity}; drain it, and move the service to another GPU.",
    "network": "Check errors, drops and retransmissions on {entity} and the way to what it calls.",
    "storage": "Check latency, queue and free space of the disks of {entity}.",
    "dependency": "Look at what {entity} waits for: backends, database, locks; its own machine is not short.",
    "traffic_surge": "Check who sends the extra requests; scale out or limit the rate of {entity}.",
    "deployment": "Compare before and after the deploy of {entity}; roll it back if the symptoms began with it.",
    "model_version": "Roll {entity} back to the model version before, then compare both on the same requests.",
    "input_drift": "Compare recent requests to {entity} with the reference; retrain if they are here to stay.",
    "concept_drift": "Compare predictions of {entity} with fresh labels; retrain on recent data.",
    "data_quality": "Find where the values of {entity} get lost upstream, and repair that before retraining.",
    "telemetry_loss": "Check whether {entity} is alive, then its collector and the way to the broker.",
    "unknown": "No suspect stands out: compare the service's logs and traces at the onset with the time before.",
}
_STAY_UP = (
    "Look why the process of {entity} ends: exit code, last lines of its log, limits, probes; if something was rolled"
    " out before, roll it back."
)


def _does_not_stay_up(suspect: Suspect) -> bool:
    """Tell restarts from a deploy: both are a matter of how the service is run, and one was seen on the machine."""
    return suspect.category == "deployment" and suspect.trace is not None


def cause_words(suspect: Suspect) -> str:
    """Name a cause as people say it: `CPU saturation on node/n1`."""
    if suspect.category == "resource_saturation":
        signal = None if suspect.trace is None else suspect.trace.named
        return f"{'saturation' if signal is None else machine_of(signal).words} on {suspect.entity}"
    if _does_not_stay_up(suspect):
        return f"a process that does not stay up on {suspect.entity}"
    if suspect.category == "dependency" and suspect.trace is not None and suspect.trace.relation == "self":
        return f"{suspect.entity} waiting for something unseen"
    return _CAUSES.get(suspect.category, "an unknown cause").format(entity=suspect.entity)


def headline(scene: Scene) -> Trace | None:
    """Return the strongest symptom: performance before answers before inputs at equal scores; else a machine's."""
    order = ("performance", "outputs", "inputs", "other")
    shown = scene.symptoms or scene.facts or scene.machines
    return min(shown, key=lambda t: (-t.peak.score, order.index(family_of(t.named or "")), t.key), default=None)


def title(scene: Scene, best: Suspect) -> str:
    """Write the one line: what, how much, since when, most likely why."""
    trace = headline(scene)
    what = "unusual" if trace is None else f"{say(trace.named or trace.detector)} {describe(trace)}"
    line = f"{scene.service}: {what} since {to_iso(scene.onset_ms)[11:19]}"
    if best.category == "unknown":
        return f"{line}; cause unknown"
    timed = "" if best.at_ms is None or best.entity == scene.entity else f" ({scene.when(best.at_ms)})"
    return f"{line}; most likely {cause_words(best)}{timed}"


def summary(scene: Scene, suspects: list[Suspect], members: tuple[str, ...]) -> str:
    """Write two to four sentences: the symptoms, the best suspect's argument, the next one, the callers touched."""
    shown = sorted(scene.symptoms or scene.facts or scene.machines, key=lambda t: (-t.peak.score, t.key))
    signals: dict[str, str] = {}
    for trace in shown:
        signals.setdefault(say(trace.named or trace.detector), describe(trace))
    parts = [f"{name} {how}" for name, how in list(signals.items())[:3]]
    lines = [f"{scene.service} is strange since {to_iso(scene.onset_ms)}: {', '.join(parts) or 'no signal named'}."]
    lines.append(f"Most likely: {suspects[0].argument}.")
    if len(suspects) > 1 and suspects[1].category != "unknown":
        lines.append(f"Next: {suspects[1].argument}.")
    if members:
        lines.append(f"Callers suffering with it: {', '.join(members)}.")
    return " ".join(lines)


def advice(best: Suspect) -> str:
    """Say what to do first."""
    if _does_not_stay_up(best):
        return _STAY_UP.format(entity=best.entity)
    return _ADVICE[best.category].format(entity=best.entity)
