"""A batch of raw records becomes packets: one blob of columns per pane and bucket, dead letters, accounts, changes."""

import hashlib
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from models.config import Pipeline
from models.intake import Accepted, Intake, Rejected, TopicName, is_heartbeat
from models.model_blob import pack_model_outputs
from models.packets import DEAD_LETTER_BYTES, DETAIL_LETTERS, Account, DeadLetter, Packet
from models.records import Change, ModelOutput, Telemetry, entity_of
from models.scores import Judged, Score
from models.telemetry_blob import pack_telemetry
from models.times import to_iso, to_milliseconds


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record as the source read it. `late`: its pane had closed; `ahead`: it claims a time too far ahead."""

    value: bytes | None
    timestamp: int
    partition: int
    offset: int
    late: bool
    ahead: bool


class BatchReader:
    """Reads batches of one topic."""

    def __init__(self, topic: TopicName, pipeline: Pipeline) -> None:
        self._topic = topic
        self._intake = Intake(topic, pipeline.limits.max_record_bytes)
        self._pane = pipeline.windows.pane
        self._buckets = pipeline.windows.buckets
        self._max_skew = pipeline.limits.max_skew

    def read(self, arrivals: list[Arrival]) -> list[Packet]:
        """Answer the packets of a batch; every record but a heartbeat is in exactly one of them."""
        packets: list[Packet] = []
        counts: dict[int, Counter[str]] = defaultdict(Counter)
        panes: dict[tuple[int, int], list[tuple[Arrival, Any]]] = defaultdict(list)
        for arrival in arrivals:
            if is_heartbeat(arrival.value):
                continue
            count = counts[arrival.partition]
            count["consumed"] += 1
            found = self._judge(arrival)
            if isinstance(found, Rejected):
                count["late" if found.reason == "late" else "dead_lettered"] += 1
                packets.append(_dead_letter(self._topic, arrival, found))
                continue
            if isinstance(found.record, Score):
                count["scored"] += 1
                packets.append(_judged(found.record))
                continue
            if abs(found.body_ms - arrival.timestamp) > self._max_skew:
                count["skewed"] += 1
            if isinstance(found.record, Change):
                count["scored"] += 1
                packets.append(_change(arrival, found.record))
            elif isinstance(found.record, ModelOutput | Telemetry):
                pane = arrival.timestamp // self._pane * self._pane
                panes[pane, self._bucket_of(found.record)].append((arrival, found.record))
            else:
                count["dropped_by_policy"] += 1
        packets.extend(self._blobs(panes))
        packets.extend(_accounts(self._topic, counts))
        return packets

    def _judge(self, arrival: Arrival) -> Accepted | Rejected:
        if arrival.ahead:
            return Rejected("timestamp_ahead", "its time is further ahead of the clock than windows.max_ahead")
        if arrival.late and self._topic in ("model-outputs", "telemetry"):
            return Rejected("late", "its pane had closed; windows.out_of_orderness says how far behind is in time")
        return self._intake.read(arrival.value)

    def _bucket_of(self, record: ModelOutput | Telemetry) -> int:
        name = record.service if isinstance(record, ModelOutput) else entity_of(record)
        return zlib.crc32(name.encode()) % self._buckets

    def _blobs(self, panes: dict[tuple[int, int], list[tuple[Arrival, Any]]]) -> Iterator[Packet]:
        encode = pack_model_outputs if self._topic == "model-outputs" else pack_telemetry
        for (pane, bucket), members in panes.items():
            times = [arrival.timestamp for arrival, _ in members]
            partitions = [arrival.partition for arrival, _ in members]
            yield Packet("pane", str(bucket), pane, encode([record for _, record in members], times, partitions))


def _accounts(topic: str, counts: dict[int, Counter[str]]) -> Iterator[Packet]:
    for partition, count in counts.items():
        account = Account(topic=topic, partition=partition, **count)
        yield Packet("account", f"{topic}/{partition}", 0, msgspec.msgpack.encode(account))


def _change(arrival: Arrival, change: Change) -> Packet:
    return Packet("change", change.service, arrival.timestamp, msgspec.msgpack.encode(change))


def _judged(score: Score) -> Packet:
    """One line of a score topic, as the evidence that it was when it was written."""
    subject = score.entity or f"service/{score.service}"
    start_ms, end_ms = to_milliseconds(score.window.start), to_milliseconds(score.window.end)
    judged = Judged(subject, score.stream, start_ms, end_ms, [], [score])
    return Packet("judged", subject, end_ms - 1, msgspec.msgpack.encode(judged))


def _dead_letter(topic: str, arrival: Arrival, why: Rejected) -> Packet:
    value = arrival.value or b""
    letter = DeadLetter(
        topic=topic,
        partition=arrival.partition,
        offset=arrival.offset,
        timestamp=to_iso(arrival.timestamp),
        reason=why.reason,
        detail=why.detail[:DETAIL_LETTERS],
        size=len(value),
        sha256=hashlib.sha256(value).hexdigest(),
        value=value[:DEAD_LETTER_BYTES],
    )
    return Packet("dead-letters", f"{topic}/{arrival.partition}", arrival.timestamp, msgspec.json.encode(letter))
