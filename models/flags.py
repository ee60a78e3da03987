"""What one window says of a service, in a flag: of its model stream, of its machines, and of hard faults under it."""

from models.config import Pipeline
from models.episode import Flag, is_calm, is_usual_absence, strange_signals
from models.evidence import Evidence
from models.hard_faults import is_hard, is_silence
from models.scores import Score
from models.silence import SIGNALS

SILENT = SIGNALS["infra"]


def near(evidence: list[Evidence]) -> list[Evidence]:
    """Keep the telemetry of the service itself and of what carries it."""
    return [one for one in evidence if one.stream == "infra" and one.relation in ("self", "carrier")]


def heard(one: Evidence) -> bool:
    """Tell whether there were records behind the verdict on a subject."""
    return any(score.detector == "fused" and score.n > 0 for score in one.scores)


def silent_entities(present: dict[str, int], evidence: list[Evidence], config: Pipeline) -> tuple[str, ...]:
    """Return the entities whose telemetry is expected (`present`, by `stream subject`) and does not come.

    Absence that was judged to be usual is none; absence that nobody has judged is: then the whole topic stands still.
    """
    judged = [one for one in near(evidence) if any(score.detector == "fused" for score in one.scores)]
    fine = {one.subject for one in judged if heard(one) or is_usual_absence(one.scores, config.clearing.below)}
    entities = (key.partition(" ")[2] for key in sorted(present) if key.startswith("infra "))
    return tuple(entity for entity in entities if entity not in fine)


def model_flag(scores: list[Score], start_ms: int, end_ms: int, config: Pipeline) -> Flag:
    """Flag a window of a model stream; the service and its neighbours come to the same one."""
    below = config.clearing.below
    signals = strange_signals(scores, config.opening.who)
    return Flag(start_ms, end_ms, signals, is_calm(scores, below), not signals and is_usual_absence(scores, below))


def machine_flag(evidence: list[Evidence], start_ms: int, end_ms: int, config: Pipeline) -> Flag:
    """Flag a window of a service without model outputs, by the verdicts on its machines that were heard."""
    below = config.clearing.below
    those = [one for one in near(evidence) if not is_usual_absence(one.scores, below)]
    fused = [score for one in those for score in one.scores if score.detector == "fused" and score.status == "ok"]
    strange = config.opening.infra_only and any(score.score >= 1 and score.n > 0 for score in fused)
    calm = bool(those) and all(is_calm(one.scores, below) for one in those)
    starts = [one.start_ms for one in near(evidence)]
    return Flag(min([start_ms, *starts]), end_ms, ("fused",) if strange else (), calm, bool(starts) and not those)


def hard_flag(
    service: str,
    evidence: list[Evidence],
    present: dict[str, int],
    silent: tuple[str, ...],
    window: Flag,
    config: Pipeline,
) -> Flag:
    """Flag a window by hard faults of the service and of what carries it; `window` says when it is.

    Silence began where the last window with records ended (`present`).

    A fault of what carries several services is one fault. Where it is an event, it is evidence only: the service that
    was hit shows it, or nobody was hit. Where it is silence, the first service by name has the incident, and that the
    others' own telemetry is silent too is part of it.
    """
    those = near(evidence)
    events = {
        score.signal or score.detector
        for one in those
        if any(is_hard(score) for score in one.scores)  # first: the topology may be large
        and (one.relation == "self" or len(carried_by(one.subject, config)) <= 1)
        for score in one.scores
        if is_hard(score)
    }
    quiet = [one for one in those if any(is_silence(score) for score in one.scores)]
    carriers = [one for one in quiet if one.relation == "carrier"]
    ours = [one for one in carriers if carried_by(one.subject, config)[:1] in ([], [service])]
    felt = ours if carriers else quiet
    since = [present.get(f"infra {one.subject}", window.start_ms) for one in felt]
    signals = tuple(sorted({*events, SILENT} if felt else events))
    return Flag(min([window.start_ms, *since]), window.end_ms, signals, not signals and not silent)


def carried_by(entity: str, config: Pipeline) -> list[str]:
    """Return the services that an entity carries as the topology has it, in order of name."""
    return sorted(name for name, node in config.topology.services.items() if entity in node.on)


def needed_by(signals: tuple[str, ...], config: Pipeline) -> int:
    """Return how many strange windows a hard fault needs to open: one is enough for what is not silence."""
    return 1 if set(signals) - {SILENT} else config.opening.m
