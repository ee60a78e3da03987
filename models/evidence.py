"""What reaches the correlator of one service: verdicts of a window, or a change, and whose they are."""

from typing import Literal

from msgspec import Struct

from models.records import ChangeType
from models.scores import Score, Stream

Relation = Literal["self", "carrier", "dependency", "caller"]


class Evidence(Struct, frozen=True, kw_only=True):
    """The verdicts on one subject in one window, sent to `service`.

    `subject` is an entity (`service/fraud`, `node/n1`); `relation` says what it is to `service`: itself, an entity
    that carries it, a service it calls, or a service that calls it. `scores` holds the `fused` line and the notable
    single verdicts; model outputs absent from a window arrive as a `fused` line with `n` 0. Times: epoch ms.
    """

    service: str
    subject: str
    relation: Relation
    stream: Stream
    start_ms: int
    end_ms: int
    scores: list[Score]


class ChangeNote(Struct, frozen=True, kw_only=True):
    """A change on `subject`, sent to `service` (itself, its callers, and what it calls)."""

    service: str
    subject: str
    relation: Relation
    type: ChangeType
    ref: str
    timestamp_ms: int
