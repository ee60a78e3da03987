"""The cause: suspects weighed against one another, infrastructure before symptom, a recent change before its equals.

Unlike a search along a learned causal graph, this needs no history of faults: the order of the domains, the direction
of the signals and what each kind of trouble can explain at all are written down (`models/suspects_*.py`).
"""

from models.incident import Candidate, Domain, RootCause
from models.scene import Scene
from models.suspect import Suspect
from models.suspects_calls import dependency_suspects, wait_suspects
from models.suspects_changes import change_suspects
from models.suspects_machines import machine_suspects, silence_suspects, under_surge
from models.suspects_requests import input_suspects, surge_suspects, unseen_input_suspects
from models.times import to_iso

METHOD = "calibrated score x onset x domain; a service that waits under idle machines is blamed on its dependencies"
MAX_CANDIDATES = 8
UNKNOWN_SCORE = 0.15
#: A new best suspect replaces the published one only when it is better by this factor: causes do not flap.
STICKY = 1.15
_ORDER: dict[Domain, int] = {"change": 0, "infra": 1, "data": 2, "model": 3, "unknown": 4}


def rank(scene: Scene) -> list[Suspect]:
    """Return the suspects, best first, one for each entity and category; the unknown is always among them."""
    surges = list(surge_suspects(scene))
    machines = [under_surge(machine, surges) for machine in machine_suspects(scene)]
    busiest = max((suspect.score for suspect in machines), default=0.0)
    found = [*machines, *silence_suspects(scene), *dependency_suspects(scene), *change_suspects(scene)]
    found += [*input_suspects(scene), *unseen_input_suspects(scene), *surges]
    found += [*wait_suspects(scene, busiest), unknown_suspect(scene)]
    best: dict[tuple[str, str], Suspect] = {}
    for suspect in sorted(found, key=_place):
        best.setdefault((suspect.entity, suspect.category), suspect)
    return [suspect for suspect in best.values() if suspect.score > 0]


def unknown_suspect(scene: Scene) -> Suspect:
    """The constant that every suspect has to beat."""
    answers = max(scene.weights["outputs"], scene.weights["inputs"]) > scene.weights["performance"]
    domain: Domain = "model" if answers else "unknown"
    return Suspect(scene.entity, "unknown", domain, UNKNOWN_SCORE, "nothing seen explains it")


def _place(suspect: Suspect) -> tuple[float, int, int, str, str, str]:
    """Order by score in steps of .02, so that equals meet: then changes first, then the earlier, then by name."""
    steps = -round(suspect.score * 50)
    return (steps, _ORDER[suspect.domain], suspect.at_ms or 0, suspect.entity, suspect.category, suspect.argument)


def settle(suspects: list[Suspect], entity: str, category: str) -> list[Suspect]:
    """Keep the published cause (`entity`, `category`) in front unless another has become clearly better."""
    for suspect in suspects:
        if (suspect.entity, suspect.category) == (entity, category) and suspects[0].score <= STICKY * suspect.score:
            return [suspect, *(other for other in suspects if other is not suspect)]
    return suspects


def root_cause(suspects: list[Suspect], scene: Scene) -> RootCause:
    """Write the block; confidence is each suspect's share of the squared scores, the unknown's among them."""
    total = sum(suspect.score**2 for suspect in suspects)
    candidates = [_candidate(suspect, total, scene) for suspect in suspects[:MAX_CANDIDATES]]
    best = candidates[0]
    return RootCause(
        domain=best.domain,
        category=best.category,
        entity=best.entity,
        signal=best.signal,
        score=best.score,
        confidence=best.confidence,
        method=METHOD,
        candidates=candidates,
    )


def _candidate(suspect: Suspect, total: float, scene: Scene) -> Candidate:
    trace = suspect.trace
    return Candidate(
        entity=suspect.entity,
        category=suspect.category,
        domain=suspect.domain,
        score=round(suspect.score, 4),
        confidence=round(suspect.score**2 / total, 4),
        argument=suspect.argument,
        signal=None if trace is None else trace.named,
        onset_at=None if suspect.at_ms is None else to_iso(suspect.at_ms),
        anomaly_id=None if trace is None else scene.anomaly_id(trace),
    )
