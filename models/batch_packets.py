"""The packets of a batch that are not bulk: dead letters, accounts, changes, and lines of score topics."""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from models.columns import Array
from models.intake import Rejected
from models.packets import DEAD_LETTER_BYTES, DETAIL_LETTERS, Account, DeadLetter, Packet
from models.records import Change
from models.scores import Judged, Score
from models.times import to_iso, to_milliseconds


def accounts(topic: str, partitions: Array, places: Mapping[str, Array]) -> Iterator[Packet]:
    """Count by partition; `places`: of each account, the records [k] of the batch that belong to it."""
    width = int(partitions.max(initial=-1)) + 1
    counts = {name: np.bincount(partitions[where], minlength=width) for name, where in places.items()}
    for partition in np.flatnonzero(counts["consumed"]).tolist():
        named = {name: int(count[partition]) for name, count in counts.items()}
        yield Account(topic=topic, partition=partition, **named).packet()


def single(record: Change | Score, at: int) -> Packet:
    """Pass a record on by itself."""
    if isinstance(record, Change):
        return Packet("change", record.service, at, msgspec.msgpack.encode(record))
    return _judged(record)


def dead_letter(topic: str, value: bytes | None, place: tuple[int, int, int], why: Rejected) -> Packet:
    """Write the dead letter of a record; `place`: its time (epoch ms), partition and offset."""
    told, (at, partition, offset) = value or b"", place
    letter = DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=to_iso(at),
        reason=why.reason,
        detail=why.detail[:DETAIL_LETTERS],
        size=len(told),
        sha256=hashlib.sha256(told).hexdigest(),
        value=told[:DEAD_LETTER_BYTES],
    )
    return Packet("dead-letters", f"{topic}/{partition}", at, msgspec.json.encode(letter))


def _judged(score: Score) -> Packet:
    """One line of a score topic, as the evidence that it was when it was written."""
    subject = score.entity or f"service/{score.service}"
    start_ms, end_ms = to_milliseconds(score.window.start), to_milliseconds(score.window.end)
    judged = Judged(subject, score.stream, start_ms, end_ms, [], [score])
    return Packet("judged", subject, end_ms - 1, msgspec.msgpack.encode(judged))
