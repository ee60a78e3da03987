"""What reaches the correlator of one service: verdicts of a window, or a change, and whose they are."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, structs

from models.records import ChangeType
from models.scores import Score, Stream

Relation = Literal["self", "carrier", "dependency", "caller", "sibling"]


class Evidence(Struct, frozen=True, kw_only=True):
    """The verdicts on one subject in one window, sent to `service`.

    `subject` is an entity (`service/fraud`, `node/n1`); `relation` says what it is to `service`: itself, an entity
    that carries it, a service it calls (or the machine of one), a service that calls it, or one that shares a carrier
    or a dependency with it. `scores` holds the `fused` line and the notable
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


def merged(parts: Iterable[Evidence]) -> list[Evidence]:
    """Unite evidence on the same subject, stream and window, which a score topic delivers line by line."""
    parts = list(parts)
    if len(parts) == 1:
        return parts
    groups: dict[tuple[str, str, str, int], list[Evidence]] = defaultdict(list)
    for part in parts:
        groups[part.subject, part.relation, part.stream, part.end_ms].append(part)
    return [
        same[0] if len(same) == 1 else structs.replace(same[0], scores=[s for part in same for s in part.scores])
        for same in groups.values()
    ]
