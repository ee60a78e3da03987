"""Dead letters: found on their topic by where they stood, and their originals on the topics that they came from."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from kafka import KafkaConsumer, TopicPartition

from crosstide.cluster.errors import ClusterError
from crosstide.kafka_io import read_all
from models.packets import DeadLetter

FETCH_S = 10.0


@dataclass(frozen=True)
class Wanted:
    """Which letters: all those that fit everything given."""

    topics: Sequence[str] = ()
    reasons: Sequence[str] = ()
    ids: Sequence[str] = ()

    def fits(self, letter: DeadLetter) -> bool:
        """Tell whether a letter is wanted."""
        return (
            (not self.topics or letter.topic in self.topics)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.ids or identity(letter) in self.ids)
        )


def identity(letter: DeadLetter) -> str:
    """Return where a letter stood, as people name it: `telemetry/1@4711`."""
    return f"{letter.topic}/{letter.partition}@{letter.offset}"


def place(text: str) -> tuple[str, int, int]:
    """Return topic, partition and offset of an identity. Raises ClusterError for what is none.

    >>> place("telemetry/1@4711")
    ('telemetry', 1, 4711)
    """
    topic, _, rest = text.rpartition("/")
    partition, _, offset = rest.partition("@")
    if not topic or not partition.isdigit() or not offset.isdigit():
        raise ClusterError(f"'{text}' is no dead letter's id: write TOPIC/PARTITION@OFFSET, as `crosstide dlq ls` does")
    return topic, int(partition), int(offset)


def letters(bootstrap: str, prefix: str, wanted: Wanted) -> Iterator[DeadLetter]:
    """Yield the committed dead letters that are wanted, in the order of the topic."""
    for record in read_all(bootstrap, f"{prefix}dead-letters"):
        letter = msgspec.json.decode(record.value or b"", type=DeadLetter)
        if wanted.fits(letter):
            yield letter


def counts(given: Sequence[DeadLetter]) -> list[tuple[str, str, int]]:
    """Return (topic, reason, letters), the most first."""
    found = Counter((letter.topic, letter.reason) for letter in given)
    return [(topic, reason, count) for (topic, reason), count in found.most_common()]


def original(bootstrap: str, prefix: str, letter: DeadLetter) -> bytes:
    """Return the whole record as it came: the letter holds its first 32 KiB, the topic the rest.

    Raises ClusterError when it is longer than what the letter holds and its topic has forgotten it.
    """
    if letter.size <= len(letter.value):
        return letter.value
    found = _fetch(bootstrap, prefix + letter.topic, letter.partition, letter.offset)
    if found is None:
        kept = f"only the first {len(letter.value)} of its {letter.size} bytes are kept"
        raise ClusterError(f"{identity(letter)}: the topic has forgotten it, and {kept}")
    return found


def _fetch(bootstrap: str, topic: str, partition: int, offset: int) -> bytes | None:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        max_poll_records=1,
        max_partition_fetch_bytes=16 * 1024 * 1024,
        metrics_enabled=False,
    )
    try:
        part = TopicPartition(topic, partition)
        if offset < consumer.beginning_offsets([part])[part]:
            return None
        consumer.assign([part])
        consumer.seek(part, offset)
        records = consumer.poll(timeout_ms=int(FETCH_S * 1000)).get(part, [])
        found = records[0] if records and records[0].offset == offset else None
        return None if found is None or found.value is None else bytes(found.value)
    finally:
        consumer.close()
