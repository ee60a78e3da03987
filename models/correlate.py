"""The correlator of one service: from the evidence of one window after another to the revisions of its incidents.

Pure: state in, state and events out. Called once for each window end, in event-time order. See `docs/design.md`.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from models.cause import rank, settle
from models.config import Pipeline
from models.correlate_state import Case, Joined, Memory, pack, unpack
from models.episode import Episode, Rule, incident_id
from models.evidence import ChangeNote, Evidence
from models.incident import IncidentEvent, Provenance
from models.incident_build import Kind, Revision, build
from models.neighbours import Neighbours, explained, unexplained
from models.observe import observe, ordered
from models.scene import Scene
from models.severity import factors, grade
from models.silence import DETECTOR as SILENCE

#: A dependency that turns so many windows after us still explains us.
FOLLOW_WINDOWS = 2


@dataclass(frozen=True)
class CorrelatorSettings:
    """What every step needs: the configuration, and what `provenance` says of it."""

    pipeline: Pipeline
    config_sha256: str
    artifacts: list[str]
    replay: bool


@dataclass(frozen=True)
class _Moment:
    """One step: the memory after this window's evidence, and when it is."""

    service: str
    memory: Memory
    end_ms: int
    recorded_ms: int

    @property
    def hard(self) -> Episode:
        return self.memory.watched[f"hard service/{self.service}"]

    @property
    def own(self) -> Episode:
        """The trouble going on: that of the model stream first, a hard fault beside it makes it last longer."""
        own, hard = self.memory.watched[f"self service/{self.service}"], self.hard
        if hard.onset_ms is None:
            return own
        if own.onset_ms is None:
            return hard
        last_ms, strange = max(own.last_strange_ms, hard.last_strange_ms), max(own.strange, hard.strange)
        return replace(own, last_strange_ms=last_ms, strange=strange)


class Correlator:
    """Opens, updates, merges and resolves; holds no state of its own."""

    def __init__(self, settings: CorrelatorSettings) -> None:
        self._config = settings.pipeline
        self._provenance = Provenance(
            job=settings.pipeline.outputs.job,
            config_sha256=settings.config_sha256,
            artifacts=sorted(settings.artifacts),
            replay=settings.replay,
        )

    def step(
        self,
        state: bytes | None,
        service: str,
        end_ms: int,
        evidence: list[Evidence],
        changes: list[ChangeNote],
        recorded_ms: int,
    ) -> tuple[bytes, list[IncidentEvent]]:
        """Take in the windows that end at `end_ms` (epoch ms) and answer the new state and the revisions to write.

        `evidence` is all there is for this end, in any order; `changes` those before `end_ms` not given yet. Steps go
        forward: evidence for a window that is already past (a topic that stood still catches up) changes nothing.
        Raises ValueError on a state that cannot be read.
        """
        memory, events = self.advance(unpack(state), service, end_ms, evidence, changes, recorded_ms)
        return pack(memory), events

    def advance(
        self,
        known: Memory,
        service: str,
        end_ms: int,
        evidence: list[Evidence],
        changes: list[ChangeNote],
        recorded_ms: int,
    ) -> tuple[Memory, list[IncidentEvent]]:
        """Do what `step` does, from memory to memory."""
        if is_past(known, service, end_ms):
            return known, []
        memory = observe(known, service, end_ms, ordered(evidence), changes, self._config)
        case, events = self._decide(_Moment(service, memory, end_ms, recorded_ms))
        over = case is None and memory.case is not None and memory.case.revision > 0
        previous = memory.case.incident_id if over and memory.case is not None else memory.previous_id
        return replace(memory, case=case, previous_id=previous), events

    def _decide(self, at: _Moment) -> tuple[Case | None, list[IncidentEvent]]:
        case, own = at.memory.case, at.own
        if case is None:
            return (None, []) if own.onset_ms is None else self._begin(at, own)
        if case.merged_into is not None:
            return self._follow(at, case, case.merged_into)
        if own.onset_ms is None:
            reason = "calm for the clear time" if at.memory.present else "nothing of it is tracked any more"
            case, event = self._write("resolved", reason, at, case)
            return None, [event]
        case = replace(case, last_seen_ms=own.last_strange_ms, strange=own.strange)
        near = at.end_ms - case.opened_ms <= FOLLOW_WINDOWS * self._config.windows.slide_ms
        root = self._root(at, own, case) if near and case.rule == "model_opens" else None
        if root is not None:
            case, event = self._write("merged", f"explained by {root}", at, replace(case, merged_into=root))
            return case, [event]
        return self._update(at, case)

    def _begin(self, at: _Moment, own: Episode) -> tuple[Case | None, list[IncidentEvent]]:
        """Open, or join a dependency's incident, or wait one window for a dependency that is turning."""
        neighbours = self._neighbours(at)
        case = self._case(at, own, own.onset_ms or 0, own.ripe_ms)
        if own.rule == "model_opens":
            root = self._root(at, own, case)
            if root is not None:
                return replace(case, merged_into=root), []
            if at.end_ms < own.ripe_ms + self._config.windows.slide_ms and neighbours.may_follow(own):
                return None, []
        reason = f"{self._config.opening.m} of {self._config.opening.n} windows strange"
        if own.rule == "hard_fault":
            reason = _hard_reason(own)
        case, event = self._write("opened", reason, at, case)
        return case, [event]

    def _root(self, at: _Moment, own: Episode, case: Case) -> str | None:
        """Return the incident that this one is part of: a dependency's, or that of a service in the same trouble."""
        neighbours = self._neighbours(at)
        return neighbours.root(own) or neighbours.leader(own, self._judge(at, case)[0].entity)

    def _follow(self, at: _Moment, case: Case, leader: str) -> tuple[Case | None, list[IncidentEvent]]:
        """Stay with the dependency's incident until both are over, or something shows that it does not explain."""
        if at.hard.onset_ms is not None:  # no dependency explains a hard fault
            case = self._case(at, at.hard, at.hard.onset_ms, at.hard.ripe_ms, case)
            case, event = self._write("opened", _hard_reason(at.hard), at, case)
            return case, [event]
        episode = self._neighbours(at).by_id(leader)
        if episode is None:
            return (None if at.own.onset_ms is None else case), []
        first = unexplained(at.own, episode.signals, self._config.opening.m)
        if at.own.onset_ms is None or first is None:
            return case, []
        case = self._case(at, at.own, first.start_ms, at.end_ms, case)
        case, event = self._write("opened", f"symptoms that {leader} does not explain", at, case)
        return case, [event]

    def _update(self, at: _Moment, case: Case) -> tuple[Case, list[IncidentEvent]]:
        judged = self._judge(at, case)[0]
        differing = [name for name in ("severity", "entity", "category", "joined", "members")
                     if getattr(judged, name) != getattr(case, name)]  # fmt: skip
        if not differing:
            return replace(case, touched=judged.touched), []
        words = {"entity": "cause", "category": "cause", "joined": "correlation", "members": "callers"}
        reason = "changed: " + ", ".join(dict.fromkeys(words.get(name, name) for name in differing))
        case, event = self._write("updated", reason, at, case)
        return case, [event]

    def _case(self, at: _Moment, own: Episode, onset_ms: int, detected_ms: int, before: Case | None = None) -> Case:
        """Make a case; the one `before` it is its predecessor if it was ever published."""
        previous_id = at.memory.previous_id if before is None or not before.revision else before.incident_id
        return Case(
            incident_id=incident_id(at.service, self._config.outputs.environment, own.rule, onset_ms),
            rule=own.rule,
            onset_ms=onset_ms,
            detected_ms=detected_ms,
            opened_ms=at.end_ms,
            last_seen_ms=own.last_strange_ms,
            strange=own.strange,
            previous_id=previous_id,
        )

    def _scene(self, at: _Moment, case: Case) -> Scene:
        join = self._config.join
        from_ms = case.onset_ms - join.infra_leads
        traces = tuple(trace for trace in at.memory.traces if trace.last_ms > from_ms)
        until_ms = case.onset_ms + self._config.windows.size
        changes = tuple(
            one for one in at.memory.changes if case.onset_ms - join.change_leads <= one.timestamp_ms <= until_ms
        )  # fmt: skip
        quiet = {
            t.subject for t in traces if t.stream == "infra" and t.detector == SILENCE and t.last_ms > case.onset_ms
        }
        return Scene(
            service=at.service,
            incident_id=case.incident_id,
            onset_ms=case.onset_ms,
            last_seen_ms=case.last_seen_ms,
            strange=case.strange,
            window_ms=self._config.windows.size,
            join=join,
            traces=traces,
            changes=changes,
            silent=tuple(sorted({*at.memory.silent, *quiet})),
            callees=self._neighbours(at).callees(case.members),
        )

    def _neighbours(self, at: _Moment) -> Neighbours:
        return Neighbours(at.service, at.memory, self._config)

    def _judge(self, at: _Moment, case: Case) -> tuple[Case, Revision]:
        """Work out cause, severity, kind and members as of now, without counting a revision."""
        scene = self._scene(at, case)
        neighbours = self._neighbours(at)
        callers, suspects = neighbours.callers(), settle(rank(scene), case.entity, case.category)
        ours = [name for name, one in callers.items() if explained(one.signals, at.own.signals)]
        alike = neighbours.alike(at.own, suspects[0].entity)
        members = tuple(sorted({*case.members, *ours, *alike}))
        touched = tuple(sorted({*case.touched, *members, *callers}))
        weighed = factors(scene, len(touched))
        near = any(trace.stream == "infra" and trace.relation in ("self", "carrier") for trace in scene.traces)
        judged = replace(
            case,
            severity=grade(weighed, case.severity),
            entity=suspects[0].entity,
            category=suspects[0].category,
            joined=self._joined(case.rule, bool(scene.symptoms), near),
            members=members,
            touched=touched,
        )
        over = at.end_ms >= case.onset_ms + self._config.join.infra_lags
        revision = Revision(
            "updated", "", judged, scene, suspects, weighed, at.end_ms, at.recorded_ms, over and not at.memory.silent
        )  # fmt: skip
        return judged, revision

    @staticmethod
    def _joined(rule: Rule, symptoms: bool, near: bool) -> Joined:
        """Say which tides met; a hard fault waits for the symptoms of the model."""
        if rule == "infra_only" or (rule == "hard_fault" and not symptoms):
            return "infra_only"
        return "joined" if near else "model_only"

    def _write(self, kind: Kind, reason: str, at: _Moment, case: Case) -> tuple[Case, IncidentEvent]:
        judged, revision = self._judge(at, case)
        judged = replace(judged, revision=case.revision + 1)
        written = Revision(**{**vars(revision), "kind": kind, "reason": reason, "case": judged})
        return judged, build(written, self._config, self._provenance)


def _hard_reason(hard: Episode) -> str:
    return f"hard fault: {', '.join(hard.signals)}"


def is_past(memory: Memory, service: str, end_ms: int) -> bool:
    """Tell whether this window or a later one was taken in already: evidence for it changes nothing any more."""
    before = memory.watched.get(f"self service/{service}")
    return before is not None and end_ms <= before.seen_ms


def is_open(memory: Memory) -> bool:
    """Tell whether the service has an incident of its own that is not over."""
    return memory.case is not None and memory.case.merged_into is None
