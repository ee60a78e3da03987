"""What the correlator knows of the services of one bucket while it works on them, and how that is saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from models.correlate_state import Memory, unpack
from models.evidence import ChangeNote, Evidence
from models.name_codes import hash_bucket

#: Hash buckets of services: so many pieces can be correlated apart. State by the service would cost more: every one is
#: a way to Flink and back.
BUCKETS = 64

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_PARTS = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_EVIDENCE = msgspec.msgpack.Decoder(Evidence)
_NOTE = msgspec.msgpack.Decoder(ChangeNote)


def bucket_of(service: str) -> str:
    """Answer the key under which a service is correlated."""
    return str(hash_bucket(service, BUCKETS))


@dataclass
class Live:
    """Memories and changes that wait, by service; evidence that waits, encoded, by the end of its window (epoch ms)."""

    memories: dict[str, Memory] = field(default_factory=dict)
    evidence: dict[int, list[bytes]] = field(default_factory=dict)
    changes: dict[str, list[ChangeNote]] = field(default_factory=dict)
    saved: int = 0

    @classmethod
    def of(cls, memories: bytes | None, evidence: Iterable[bytes], changes: Iterable[bytes]) -> "Live":
        """Read what was saved. Raises ValueError for a memory of another version or damaged bytes."""
        live = cls()
        if memories is not None:
            live.memories = {service: unpack(bytes(one)) for service, one in _PARTS.decode(memories).items()}
            live.saved = len(memories)
        for part in evidence:
            live.wait(_EVIDENCE.decode(part).end_ms, part)
        for note in changes:
            live.note(note)
        return live

    def wait(self, end_ms: int, part: bytes) -> bool:
        """Keep evidence for the end of its window; answer whether it is the first that waits for this end."""
        waiting = self.evidence.setdefault(end_ms, [])
        waiting.append(part)
        return len(waiting) == 1

    def note(self, change: bytes) -> None:
        """Keep a change until a window of its service ends after it."""
        note = _NOTE.decode(change)
        self.changes.setdefault(note.service, []).append(note)

    def ended(self, watermark: int) -> list[int]:
        """Answer the ends of the windows that the watermark has passed, in order."""
        return sorted(end_ms for end_ms in self.evidence if end_ms - 1 <= watermark)

    def take(self, end_ms: int) -> Mapping[str, Sequence[Evidence]]:
        """Take out the evidence of a window: service -> its evidence, services in order."""
        by_service: dict[str, list[Evidence]] = {}
        for part in self.evidence.pop(end_ms):
            evidence = _EVIDENCE.decode(part)
            by_service.setdefault(evidence.service, []).append(evidence)
        return dict(sorted(by_service.items()))

    def due(self, service: str, end_ms: int) -> list[ChangeNote]:
        """Take out the changes of a service before `end_ms`."""
        notes = self.changes.pop(service, [])
        if later := [note for note in notes if note.timestamp_ms >= end_ms]:
            self.changes[service] = later
        return [note for note in notes if note.timestamp_ms < end_ms]

    def remember(self, service: str, memory: Memory) -> None:
        """Keep a memory; a service of which nothing is expected or open any more leaves none behind."""
        if memory.present or memory.case or memory.traces or memory.changes:
            self.memories[service] = memory
        else:
            self.memories.pop(service, None)

    def forget_changes(self, before_ms: int) -> None:
        """Let go of old changes to services that nothing is heard of: a flood of such names must not stay for ever."""
        kept = {
            service: [note for note in notes if note.timestamp_ms >= before_ms]
            for service, notes in self.changes.items()
        }
        self.changes = {service: notes for service, notes in kept.items() if notes}

    def encoded(self) -> bytes | None:
        """Encode the memories, for state; None where there is none."""
        if not self.memories:
            self.saved = 0
            return None
        data = _ENCODER.encode(self.memories)
        self.saved = len(data)
        return data

    def waiting(self) -> list[bytes]:
        """Answer all evidence that waits, for state."""
        return [part for parts in self.evidence.values() for part in parts]

    @property
    def changes_waiting(self) -> int:
        """How many changes wait."""
        return sum(map(len, self.changes.values()))

    def changes_encoded(self) -> list[bytes]:
        """Answer the changes that wait, for state."""
        return [msgspec.msgpack.encode(note) for notes in self.changes.values() for note in notes]
