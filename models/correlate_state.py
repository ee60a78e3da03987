"""What the correlator remembers of one service between windows: bounded, immutable, written as versioned msgpack."""

from typing import Literal

import msgspec
from msgspec import Struct

from models.episode import Episode, Rule
from models.evidence import Relation
from models.incident import Category, Severity
from models.records import ChangeType
from models.traces import Trace

Joined = Literal["joined", "model_only", "infra_only"]
VERSION = 2
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


class HeldChange(Struct, frozen=True, array_like=True, order=True):
    """A change near enough to matter; `relation` says whose it is."""

    timestamp_ms: int
    subject: str
    relation: Relation
    type: ChangeType
    ref: str


class Case(Struct, frozen=True, array_like=True, kw_only=True):
    """The incident of the episode going on, as last published (`revision` 0: merged before it was ever published)."""

    incident_id: str
    rule: Rule
    onset_ms: int
    detected_ms: int
    opened_ms: int
    last_seen_ms: int
    strange: int
    revision: int = 0
    merged_into: str | None = None
    previous_id: str | None = None
    severity: Severity = "info"
    entity: str = ""
    category: Category = "unknown"
    joined: Joined = "model_only"
    members: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()


class Memory(Struct, frozen=True, array_like=True, kw_only=True):
    """All of it.

    `watched` is keyed by `relation subject`, and by `hard subject` for the service's own hard faults; `present` holds
    what is expected, by `stream subject`: the end of the last window that had records of it (ms); `silent`: entities
    that are expected and were not heard in the newest window.
    """

    version: int = VERSION
    watched: dict[str, Episode] = {}
    present: dict[str, int] = {}
    silent: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()
    changes: tuple[HeldChange, ...] = ()
    case: Case | None = None
    previous_id: str | None = None


_DECODER = msgspec.msgpack.Decoder(Memory)
_HEAD = msgspec.msgpack.Decoder(list[msgspec.Raw])


def pack(memory: Memory) -> bytes:
    """Write the memory; equal memories give equal bytes."""
    return _ENCODER.encode(memory)


def unpack(state: bytes | None) -> Memory:
    """Read a memory; None is a service never seen. Raises ValueError for another version or for damaged bytes."""
    if state is None:
        return Memory()
    try:
        version = msgspec.msgpack.decode(_HEAD.decode(state)[0])
        if version != VERSION:
            raise ValueError(f"correlator state of version {version!r}; this code reads version {VERSION}")
        return _DECODER.decode(state)
    except (msgspec.MsgspecError, IndexError) as error:
        raise ValueError(f"correlator state cannot be read: {error}") from error
