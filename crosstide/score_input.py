"""What a score is made of: the recorded truth, and the incidents with their revisions folded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from models.incident import IncidentData, IncidentEvent
from models.times import to_milliseconds

Pair = tuple[str, str]


class ScoreInputError(ValueError):
    """A file that cannot be scored; the message names the file, the place and what is wrong."""


class TruthFault(Struct, frozen=True, kw_only=True):
    """One entry of `truth.json`; further keys (a description, a target) are allowed."""

    id: str
    kind: str
    start: str
    end: str
    trap: bool = False
    categories: list[str] = []
    entities: list[str] = []
    effect_at: str | None = None
    recovered_at: str | None = None
    reach: list[str] | None = None


class _Truth(Struct, frozen=True):
    faults: list[TruthFault]


@dataclass(frozen=True)
class Fault:
    """A fault or trap as recorded; times in epoch ms. `effect_ms` is None where no request suffered.

    `reach`: the services that it can trouble; None: the truth does not say, so any.
    `recovered_ms`: when the requests were well again, where the truth says so and it was after the end.
    """

    id: str
    kind: str
    trap: bool
    start_ms: int
    end_ms: int
    effect_ms: int | None
    accepted: frozenset[Pair]
    recovered_ms: int | None = None
    reach: frozenset[str] | None = None

    @property
    def counts(self) -> bool:
        """Whether finding it is asked for: a fault, not a trap, that hurt requests."""
        return not self.trap and self.effect_ms is not None

    @property
    def over_ms(self) -> int:
        """When it was really over: the end of the fault, or of its effect."""
        return max(self.end_ms, self.recovered_ms or 0)


@dataclass(frozen=True)
class Incident:
    """An incident over all its revisions; times in epoch ms. `causes`: distinct (entity, category), best first.

    `service`: whose incident it is ("": not known).
    """

    id: str
    onset_ms: int
    opened_ms: int
    end_ms: int
    resolved: bool
    clear_ms: int
    causes: tuple[Pair, ...]
    service: str = ""


def read_truth(path: Path) -> list[Fault]:
    """Read `truth.json`. Raises ScoreInputError for a missing file, a wrong shape, a wrong time or a twin id."""
    try:
        faults = [_fault(entry) for entry in msgspec.json.decode(_bytes(path), type=_Truth).faults]
    except (msgspec.DecodeError, ValueError) as error:
        raise ScoreInputError(f"{path}: not a truth file: {error}") from error
    if len({fault.id for fault in faults}) != len(faults):
        raise ScoreInputError(f"{path}: not a truth file: two faults share an id")
    return faults


def read_events(path: Path) -> Iterator[IncidentEvent]:
    """Read every revision, in the order of the file. Raises ScoreInputError with the line that is broken."""
    decoder = msgspec.json.Decoder(IncidentEvent)
    for number, line in enumerate(_bytes(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise ScoreInputError(f"{path}, line {number}: not an incident: {error}") from error


def read_incidents(path: Path) -> list[Incident]:
    """Read a file of revisions as incidents, one each. Raises ScoreInputError; see `incidents_of`."""
    events = list(read_events(path))
    try:
        return incidents_of(events)
    except ValueError as error:
        raise ScoreInputError(f"{path}: not an incident: {error}") from error


def incidents_of(events: Iterable[IncidentEvent]) -> list[Incident]:
    """Fold revisions into incidents: opening from the first, cause and end from the newest; by onset.

    An incident whose newest status is `merged` is left out: the one that it points to stands for both, with its own
    times and cause. One that points nowhere in the file still counts by itself. Raises ValueError for a wrong time.
    """
    revisions: dict[str, list[IncidentData]] = {}
    for event in events:
        revisions.setdefault(event.data.incident_id, []).append(event.data)
    ordered = [sorted(group, key=lambda data: data.revision) for group in revisions.values()]
    found = [_incident(group) for group in ordered if not _folded(group[-1], revisions)]
    return sorted(found, key=lambda incident: (incident.onset_ms, incident.id))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ScoreInputError(f"{path}: cannot be read: {error.strerror}") from error


def _fault(entry: TruthFault) -> Fault:
    start, end = to_milliseconds(entry.start), to_milliseconds(entry.end)
    if end < start:
        raise ValueError(f"fault {entry.id} ends before it starts")
    return Fault(
        id=entry.id,
        kind=entry.kind,
        trap=entry.trap,
        start_ms=start,
        end_ms=end,
        effect_ms=None if entry.effect_at is None else to_milliseconds(entry.effect_at),
        accepted=frozenset((entity, category) for entity in entry.entities for category in entry.categories),
        recovered_ms=None if entry.recovered_at is None else to_milliseconds(entry.recovered_at),
        reach=None if entry.reach is None else frozenset(entry.reach),
    )


def _folded(newest: IncidentData, revisions: dict[str, list[IncidentData]]) -> bool:
    target = newest.grouping.merged_into
    return newest.status == "merged" and target in revisions and target != newest.incident_id


def _incident(revisions: list[IncidentData]) -> Incident:
    first, newest = revisions[0], revisions[-1]
    resolved_at = newest.timeline.resolved_at
    cause = newest.root_cause
    listed = [(cause.entity, str(cause.category)), *((c.entity, str(c.category)) for c in cause.candidates)]
    return Incident(
        id=first.incident_id,
        onset_ms=to_milliseconds(first.timeline.onset_at),
        opened_ms=to_milliseconds(first.timeline.opened_at),
        end_ms=to_milliseconds(newest.timeline.watermark_at if resolved_at is None else resolved_at),
        resolved=resolved_at is not None,
        clear_ms=round(newest.resolve_rule.clear_after_s * 1000),
        causes=tuple(dict.fromkeys(listed)),
        service=newest.entity["service.name"],
    )
