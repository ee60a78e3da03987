"""What travels between the stages of the job, and what is written for each dead letter and each account."""

from typing import Literal, NamedTuple

from msgspec import Struct, msgpack

#: Why a record is set aside.
Reason = Literal["oversized", "malformed", "mistyped", "non_finite", "late", "timestamp_ahead"]
DEAD_LETTER_BYTES = 32_768
#: A reason may quote the record; so much of it is kept.
DETAIL_LETTERS = 500


class Packet(NamedTuple):
    """One message between stages: a topic, a key, an event time (epoch ms) and encoded bytes."""

    topic: str
    key: str
    timestamp: int
    value: bytes


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that was set aside (topic `dead-letters`): where it stood, why, and its first 32 KiB (base64)."""

    topic: str
    partition: int
    offset: int
    timestamp: str
    reason: Reason
    detail: str
    size: int
    sha256: str
    value: bytes
    key: str | None = None


class Account(Struct, frozen=True, kw_only=True):
    """Where the records of one topic and partition went; `consumed` is the sum of the five others but `skewed`.

    Heartbeats are not counted. `skewed` records are scored, but their body disagrees with their record's time.
    """

    topic: str
    partition: int
    consumed: int = 0
    scored: int = 0
    late: int = 0
    duplicate: int = 0
    dead_lettered: int = 0
    dropped_by_policy: int = 0
    skewed: int = 0

    def plus(self, other: "Account") -> "Account":
        """Add the counts of another account of the same topic and partition."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Account(topic=self.topic, partition=self.partition, **counts)

    def packet(self) -> Packet:
        """Answer the account as it goes to where accounts are summed."""
        return Packet("account", f"{self.topic}/{self.partition}", 0, msgpack.encode(self))


COUNTS = ("consumed", "scored", "late", "duplicate", "dead_lettered", "dropped_by_policy", "skewed")
