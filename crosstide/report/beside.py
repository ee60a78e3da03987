"""Truth and incidents side by side: which belongs to which, and in which way, told from both ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crosstide.report.truth import Told
from crosstide.report.words import duration
from crosstide.score import FaultVerdict, IncidentVerdict, Scorecard, score
from crosstide.score_input import Pair, read_incidents

How = Literal["found", "shared", "second", "long", "trap", "harmless"]
#: How the reason of a verdict on an incident without a fault begins; the id of a fault ends it.
_REASONS: tuple[tuple[str, How], ...] = (("second incident for ", "second"), ("lasts too long for ", "long"),
                                         ("on harmless ", "harmless"))  # fmt: skip
_WORDS: dict[How, str] = {
    "shared": "struck at the same time as another fault and is among the first three causes named here: found as well.",
    "second": "has another incident already: this one is a second for the same fault, and counts as false.",
    "long": "had begun shortly before, but this lasts too long to be its incident: it counts as false.",
    "trap": "was going on, a trap: nothing was wrong, so this incident counts as false.",
    "harmless": "was going on, but no request suffered from it: this incident counts neither as right nor as false.",
}


@dataclass(frozen=True)
class Tie:
    """One entry of the truth and one incident that have to do with each other; `words` end a sentence on the entry."""

    told: Told
    incident_id: str
    how: How
    words: str


@dataclass(frozen=True)
class Beside:
    """The whole truth, how the run did on it, and all ties."""

    told: list[Told]
    card: Scorecard
    ties: list[Tie]

    def of_fault(self, fault_id: str) -> list[Tie]:
        """Return the ties of a fault or trap."""
        return [tie for tie in self.ties if tie.told.fault.id == fault_id]

    def of_incident(self, incident_id: str) -> list[Tie]:
        """Return the ties of an incident."""
        return [tie for tie in self.ties if tie.incident_id == incident_id]

    def outcome(self, fault_id: str) -> FaultVerdict:
        """Return what became of a fault or trap."""
        return next(verdict for verdict in self.card.faults if verdict.id == fault_id)

    def verdict(self, incident_id: str) -> IncidentVerdict | None:
        """Return what an incident was; None for one that was merged into another and is judged with it."""
        return next((verdict for verdict in self.card.incidents if verdict.id == incident_id), None)

    def accepted(self, incident_id: str) -> frozenset[Pair]:
        """Return the (entity, category) pairs that are right for the faults an incident found."""
        found = (tie.told.fault.accepted for tie in self.of_incident(incident_id) if tie.how in ("found", "shared"))
        return frozenset[Pair]().union(*found)


def set_beside(told: list[Told], incidents: Path, window_ms: int) -> Beside:
    """Judge `incidents.jsonl` (none where there is no such file) by the truth. Raises ScoreInputError."""
    known = read_incidents(incidents) if incidents.is_file() else []
    card = score(known, [one.fault for one in told], window_ms)
    return Beside(told, card, list(_ties(told, card)))


def _ties(told: Sequence[Told], card: Scorecard) -> Iterator[Tie]:
    by_id = {one.fault.id: one for one in told}
    for outcome in card.faults:
        if outcome.incident_id is not None:
            how: How = "shared" if outcome.shared else "found"
            yield Tie(by_id[outcome.id], outcome.incident_id, how, _WORDS.get(how) or _found(outcome))
    for verdict in card.incidents:
        for fault_id, how in _strayed(verdict):
            if fault_id in by_id:
                yield Tie(by_id[fault_id], verdict.id, how, _WORDS[how])


def _strayed(verdict: IncidentVerdict) -> Iterator[tuple[str, How]]:
    """Name what an incident that found nothing has to do with."""
    if verdict.on_trap is not None:
        yield verdict.on_trap, "trap"
    for beginning, how in _REASONS:
        if verdict.fault_id is None and verdict.reason.startswith(beginning):
            yield verdict.reason.removeprefix(beginning), how


def _found(outcome: FaultVerdict) -> str:
    delay = outcome.time_to_detect_s or 0.0
    when = f"{duration(abs(delay))} {'after' if delay >= 0 else 'before'} its effect began"
    named = "the right cause is not among the first three"
    if outcome.hit_3:
        named = "the cause named first is right" if outcome.hit_1 else "the right cause is among the first three"
    return f"was found: opened {when}; {named}."
