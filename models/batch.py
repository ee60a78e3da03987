"""A batch of raw records becomes packets: one blob of columns per pane and bucket, dead letters, accounts, changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models import model_columns, telemetry_blob
from models.batch_packets import accounts, dead_letter, single
from models.columns import Array
from models.config import Pipeline
from models.intake import HEARTBEAT, Accepted, Intake, Rejected, TopicName
from models.iso_times import epoch_ms
from models.packets import Packet

AHEAD = Rejected("timestamp_ahead", "its time is further ahead of the clock than windows.max_ahead")
LATE = Rejected("late", "its pane had closed; windows.out_of_orderness says how far behind is in time")
_COLUMNS: Mapping[str, Any] = {"model-outputs": model_columns.columns_of, "telemetry": telemetry_blob.columns_of}
_LINES = ("model-scores", "infra-scores")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record as the source read it. `late`: its pane had closed; `ahead`: it claims a time too far ahead."""

    value: bytes | None
    timestamp: int
    partition: int
    offset: int
    late: bool
    ahead: bool


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Records [n] as the source read them, column by column; see `Arrival`. Numbers are int64, flags bool."""

    values: list[bytes | None]
    timestamps: Array
    partitions: Array
    offsets: Array
    late: Array
    ahead: Array

    @classmethod
    def of(cls, arrivals: Sequence[Arrival]) -> "Arrivals":
        """Turn single arrivals round."""
        numbers = [(one.timestamp, one.partition, one.offset, one.late, one.ahead) for one in arrivals]
        timestamps, partitions, offsets, late, ahead = np.array(numbers, np.int64).reshape(-1, 5).T
        return cls([one.value for one in arrivals], timestamps, partitions, offsets, late > 0, ahead > 0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a batch gives: blobs by pane and bucket, and the packets that are not bulk."""

    panes: list[Packet]
    others: list[Packet]


@dataclass(frozen=True, slots=True)
class _Read:
    """Records that are right, their places in the batch, and the times (epoch ms) that their bodies claim."""

    records: list[Any]
    places: Array
    body_ms: Array


class BatchReader:
    """Reads batches of one topic."""

    def __init__(self, topic: TopicName, pipeline: Pipeline) -> None:
        self._topic = topic
        self._intake = Intake(topic, pipeline.limits.max_record_bytes)
        self._windows = pipeline.windows
        self._max_skew = pipeline.limits.max_skew

    def read(self, arrivals: Sequence[Arrival]) -> list[Packet]:
        """Answer the packets of a batch; every record but a heartbeat is in exactly one of them."""
        parts = self.parts(Arrivals.of(arrivals))
        return [*parts.panes, *parts.others]

    def parts(self, batch: Arrivals) -> Parts:
        """Answer the same, the bulk apart."""
        live = _without_heartbeats(batch.values)
        aside = batch.ahead | batch.late if self._topic in _COLUMNS else batch.ahead
        refused = {place: AHEAD if batch.ahead[place] else LATE for place in live[aside[live]].tolist()}
        late = np.array([place for place, why in refused.items() if why is LATE], np.int64)
        read, wrong = self._decoded(batch.values, live[~aside[live]])
        refused |= wrong
        dead = np.array([place for place, why in refused.items() if why is not LATE], np.int64)
        counted = {"consumed": live, "late": late, "dead_lettered": dead, "skewed": self._skewed(batch, read)}
        panes, others = list[Packet](), list[Packet]()
        if self._topic in _COLUMNS:  # the fold counts what is scored
            panes = self._panes(batch, read)
        elif self._topic == "labels":
            counted["dropped_by_policy"] = read.places
        else:
            counted["scored"] = read.places
            times = batch.timestamps[read.places].tolist()
            others = [single(record, at) for record, at in zip(read.records, times, strict=True)]
        for place, why in sorted(refused.items()):
            where = int(batch.timestamps[place]), int(batch.partitions[place]), int(batch.offsets[place])
            others.append(dead_letter(self._topic, batch.values[place], where, why))
        return Parts(panes, [*others, *accounts(self._topic, batch.partitions, counted)])

    def _decoded(self, values: list[bytes | None], places: Array) -> tuple[_Read, dict[int, Rejected]]:
        """Read the records at some places: those that are right, and of the others the reason."""
        chosen = values if len(places) == len(values) else [values[place] for place in places.tolist()]
        if self._topic in _COLUMNS:
            records, refused = self._intake.decode_all(chosen)
            body_ms = epoch_ms([record.timestamp for record in records])
            if body_ms is not None:
                return _Read(records, np.delete(places, list(refused)), body_ms), _at(places, refused)
        told = list(map(self._intake.read, chosen))
        right = [(place, one) for place, one in enumerate(told) if isinstance(one, Accepted)]
        refused = {place: one for place, one in enumerate(told) if isinstance(one, Rejected)}
        body_ms = np.array([one.body_ms for _, one in right], np.int64)
        return _Read([one.record for _, one in right], np.delete(places, list(refused)), body_ms), _at(places, refused)

    def _skewed(self, batch: Arrivals, read: _Read) -> Array:
        if self._topic in _LINES:
            return read.places[:0]  # a line is written at the end of the window whose start it names
        return np.asarray(read.places[np.abs(read.body_ms - batch.timestamps[read.places]) > self._max_skew])

    def _panes(self, batch: Arrivals, read: _Read) -> list[Packet]:
        """Cut the columns of a batch by pane and bucket."""
        if not read.records:
            return []
        times = batch.timestamps[read.places]
        columns = _COLUMNS[self._topic](read.records, times, batch.partitions[read.places])
        buckets = self._windows.buckets
        key = times // self._windows.pane * buckets + columns.buckets(buckets)
        order = np.argsort(key, kind="stable")
        columns, key = columns.at(order), key[order]
        cuts = [0, *(np.flatnonzero(np.diff(key)) + 1).tolist(), len(key)]
        return [
            Packet("pane", str(at % buckets), at // buckets * self._windows.pane, columns.blob(start, stop))
            for at, start, stop in zip(key[cuts[:-1]].tolist(), cuts, cuts[1:], strict=False)
        ]


def _at(places: Array, refused: Mapping[int, Rejected]) -> dict[int, Rejected]:
    return {int(places[place]): why for place, why in refused.items()}


def _without_heartbeats(values: list[bytes | None]) -> Array:
    if HEARTBEAT not in values:
        return np.arange(len(values))
    return np.flatnonzero([value != HEARTBEAT for value in values])
