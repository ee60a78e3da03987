"""Who needs to hear of a verdict: the service itself, those that an entity carries, its callers, and those it calls."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from models.config import Topology
from models.evidence import ChangeNote, Evidence, Relation
from models.packets import Packet
from models.records import Change
from models.scores import Judged
from models.times import to_milliseconds


class Routes:
    """The topology, asked from the side of what was observed."""

    def __init__(self, topology: Topology) -> None:
        self._callers: dict[str, list[str]] = defaultdict(list)
        self._carried: dict[str, list[str]] = defaultdict(list)
        self._calls = {name: node.calls for name, node in topology.services.items()}
        for name, node in sorted(topology.services.items()):
            for called in node.calls:
                self._callers[called].append(name)
            for entity in node.on:
                self._carried[entity].append(name)
        shared = [*self._callers.values(), *self._carried.values()]
        self._siblings = {
            name: sorted({other for group in shared if name in group for other in group} - {name, *self._near(name)})
            for name in topology.services
        }

    def _near(self, service: str) -> set[str]:
        return {*self._calls.get(service, []), *self._callers.get(service, [])}

    def of_subject(self, subject: str, named: list[str]) -> Iterator[tuple[str, Relation]]:
        """Answer (service, what the subject is to it). An entity that nobody knows is a service of its own name."""
        kind, _, name = subject.partition("/")
        if kind == "service":
            yield name, "self"
            for caller in self._callers.get(name, []):
                yield caller, "dependency"
            for called in self._calls.get(name, []):
                yield called, "caller"
            for sibling in self._siblings.get(name, []):
                yield sibling, "sibling"
            return
        carried = sorted({*self._carried.get(subject, []), *named}) or [name]
        for service in carried:
            yield service, "carrier"
        callers = {caller for service in carried for caller in self._callers.get(service, [])}
        for caller in sorted(callers - set(carried)):
            yield caller, "dependency"

    def verdicts(self, judged: Judged) -> Iterator[Packet]:
        """Send the verdicts on a subject to every service concerned."""
        for service, relation in self.of_subject(judged.subject, judged.services):
            if judged.stream == "infra" and relation in ("caller", "sibling"):
                continue  # their machines are no cause of ours
            evidence = Evidence(
                service=service,
                subject=judged.subject,
                relation=relation,
                stream=judged.stream,
                start_ms=judged.start_ms,
                end_ms=judged.end_ms,
                scores=judged.scores,
            )
            yield Packet("evidence", service, judged.end_ms - 1, msgspec.msgpack.encode(evidence))

    def change(self, change: Change) -> Iterator[Packet]:
        """Send a change to every service concerned."""
        for service, relation in self.of_subject(f"service/{change.service}", []):
            if relation == "sibling":
                continue
            note = ChangeNote(
                service=service,
                subject=f"service/{change.service}",
                relation=relation,
                type=change.type,
                ref=change.ref,
                timestamp_ms=to_milliseconds(change.timestamp),
            )
            yield Packet("change-note", service, note.timestamp_ms, msgspec.msgpack.encode(note))
