"""Suspects beside a service: what it calls, watched or not."""

from collections.abc import Iterator

from models.neighbours import Callee
from models.scene import Scene
from models.suspect import Suspect, describe
from models.symptoms import QUEUES, family_of, matches, say

#: A wait for something unseen: under a busy machine and under a change, above the unknown.
WAIT_WEIGHT = 0.6
#: From this score on a machine is said to be short.
SHORT = 0.3


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


def wait_suspects(scene: Scene, busiest: float) -> Iterator[Suspect]:
    """Slow or failing, no machine short (`busiest`: the best machine's score): it waits for something unseen.

    What it waits for may be a service that it calls and whose own answers nobody watches: likely where all who call
    it suffer, unlikely where others call it and do not. One whose answers are watched speaks for itself.
    """
    slow = [t for t in scene.symptoms if matches(t.named or "", ("latency*", "error_rate")) and t.rise >= 0]
    if not slow:
        return
    trace = min(slow, key=lambda one: (-one.peak.score, one.key))
    strength = trace.strength * scene.weights["performance"] * (1 - min(1.0, busiest) ** 2)
    seen = any(t.stream == "model" and t.relation == "dependency" for t in scene.traces)
    score = WAIT_WEIGHT * (0.5 if seen else 1.0) * strength  # what it waits for may not be unseen at all
    idle = "no machine under it is short" if busiest < SHORT else "the machine under it may not be all of it"
    argument = f"{say(trace.named or '')} {describe(trace)} and {idle}: it waits for something unseen"
    yield Suspect(scene.entity, "dependency", "infra", score, argument, trace, trace.onset_ms)
    for callee in scene.callees:
        if not callee.watched:
            weight, others = _shared_wait(callee, _queues_at(scene, callee.name))
            argument = f"{say(trace.named or '')} {describe(trace)} and {idle}; it calls {callee.name}{others}"
            yield Suspect(
                f"service/{callee.name}", "dependency", "infra", weight * strength, argument, trace, trace.onset_ms
            )


def _queues_at(scene: Scene, callee: str) -> bool:
    """Tell whether requests pile up at a callee during the incident: it answers slowly, whoever calls."""
    piled = [t for t in scene.machines if t.rise > 0 and t.named is not None and matches(t.named, QUEUES)]
    return any(t.subject == f"service/{callee}" and t.last_ms > scene.onset_ms for t in piled)


def _shared_wait(callee: Callee, queues: bool) -> tuple[float, str]:
    """Weigh a callee by its queue and by its other callers: all suffer, some do, none does, or there are none."""
    if queues:
        return 1.3 * WAIT_WEIGHT, ", where requests pile up"
    if not callee.suffering and not callee.calm:
        return WAIT_WEIGHT, ""
    if not callee.suffering:
        return 0.4 * WAIT_WEIGHT, ", whose other callers are well"
    if callee.calm:
        return 0.8 * WAIT_WEIGHT, ", and some of its other callers suffer as well"
    return 1.3 * WAIT_WEIGHT, ", and all its other callers suffer as well"
