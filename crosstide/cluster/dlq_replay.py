"""Bring repaired records back, each once: record and note of it are one Kafka transaction.

The note lies on `audit`. Whoever begins a replay first fences any other (one transactional id for all of them), then
reads the notes, and only then writes: nothing can be replayed between the reading and the writing.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec
from kafka import KafkaProducer

from crosstide.cluster.dlq import identity, original
from crosstide.cluster.errors import ClusterError
from crosstide.kafka_io import read_all
from models.config import Limits
from models.intake import Accepted, Intake, Rejected, TopicName
from models.packets import DeadLetter
from models.records import Telemetry
from models.times import to_iso

BATCH = 500
#: Whose time is the reason; as long as that is the same, they would come back.
TIMED = ("late", "timestamp_ahead")


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A note on `audit`: which dead letter went back, when, by whom, and whether it was repaired."""

    kind: str = "dead_letter_replayed"
    id: str
    at: str
    actor: str
    repaired: bool


@dataclass
class Outcome:
    """What became of each letter, by identity; `refused` with the reason."""

    sent: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def replay(
    bootstrap: str,
    prefix: str,
    chosen: Sequence[DeadLetter],
    repaired: Mapping[str, bytes],
    actor: str,
    limits: Limits,
) -> Outcome:
    """Send letters back to the topics that they came from; `repaired`: identity -> the record's new bytes.

    What would be refused again is not sent. Raises kafka.errors.KafkaError when the broker fails or another replay
    has begun; then the batch under way is not there, and may be sent again.
    """
    outcome = Outcome()
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"{prefix}crosstide-dlq-replay",
        max_request_size=4 * 1024 * 1024,
        metrics_enabled=False,
    )
    try:
        producer.init_transactions()
        known = _notes(bootstrap, prefix)
        ready = list(_ready(bootstrap, prefix, chosen, repaired, known, limits, outcome))
        for at in range(0, len(ready), BATCH):
            producer.begin_transaction()
            for letter, value, accepted in ready[at : at + BATCH]:
                _send(producer, prefix, letter, value, accepted, actor, identity(letter) in repaired)
            producer.commit_transaction()
            outcome.sent += [identity(letter) for letter, _, _ in ready[at : at + BATCH]]
    finally:
        producer.close()
    return outcome


def _ready(
    bootstrap: str,
    prefix: str,
    chosen: Iterable[DeadLetter],
    repaired: Mapping[str, bytes],
    known: set[str],
    limits: Limits,
    outcome: Outcome,
) -> Iterable[tuple[DeadLetter, bytes, Accepted]]:
    for letter in chosen:
        name = identity(letter)
        if name in known:
            outcome.before.append(name)
            continue
        known.add(name)
        try:
            value = repaired[name] if name in repaired else original(bootstrap, prefix, letter)
        except ClusterError as error:
            outcome.refused[name] = str(error)
            continue
        found = _judge(letter, value, name in repaired, limits)
        if isinstance(found, Rejected):
            outcome.refused[name] = f"would be refused again: {found.reason}: {found.detail}"
        else:
            yield letter, value, found


def _judge(letter: DeadLetter, value: bytes, is_repaired: bool, limits: Limits) -> Accepted | Rejected:
    if letter.topic not in get_args(TopicName):
        return Rejected("malformed", f"'{letter.topic}' is no topic that the job reads")
    if letter.reason in TIMED and not is_repaired:
        return Rejected("late", "its time is what it was refused for; repair that, or let it be")
    topic: TopicName = letter.topic  # type: ignore[assignment]  # one of them, as was just found
    return Intake(topic, limits.max_record_bytes).read(value)


def _send(
    producer: Any, prefix: str, letter: DeadLetter, value: bytes, accepted: Accepted, actor: str, is_repaired: bool
) -> None:
    name, now_ms = identity(letter), int(time.time() * 1000)
    headers = [("crosstide-replayed", name.encode())]
    producer.send(prefix + letter.topic, value, key_of(accepted.record), headers, timestamp_ms=accepted.body_ms)
    said = Replayed(id=name, at=to_iso(now_ms), actor=actor, repaired=is_repaired)
    producer.send(f"{prefix}audit", msgspec.json.encode(said), f"dlq/{name}".encode(), timestamp_ms=now_ms)


def key_of(record: Any) -> bytes | None:
    """Return the key that a producer gives a record: its service, or else the entity that it names."""
    name = getattr(record, "service", None)
    if name is None and isinstance(record, Telemetry):
        name = record.node or record.pod or record.gpu
    return None if not name else str(name).encode()


def _notes(bootstrap: str, prefix: str) -> set[str]:
    """Read which letters went back before."""
    found = set()
    for record in read_all(bootstrap, f"{prefix}audit"):
        if record.key is not None and record.key.startswith(b"dlq/"):
            found.add(msgspec.json.decode(record.value or b"", type=Replayed).id)
    return found
