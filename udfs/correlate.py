"""Correlates the evidence of one service: unpack, one call into `models.correlate` per window, pack."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from models.correlate import Correlator, CorrelatorSettings
from models.evidence import ChangeNote, Evidence, merged
from models.incident import IncidentEvent
from models.packets import Packet
from models.times import to_milliseconds
from udfs.packets import BYTES, from_row, to_row


class Correlate(KeyedProcessFunction):  # type: ignore[misc]
    """Evidence and changes in; revisions of incidents out. Acts on watermarks only."""

    def __init__(self, settings: CorrelatorSettings) -> None:
        self._settings = settings

    def open(self, runtime_context: Any) -> None:
        """Build the correlator; state is named by its layout's version."""
        self._correlator = Correlator(self._settings)
        self._evidence = runtime_context.get_list_state(ListStateDescriptor("evidence-v1", BYTES))
        self._changes = runtime_context.get_list_state(ListStateDescriptor("changes-v1", BYTES))
        self._state = runtime_context.get_state(ValueStateDescriptor("incidents-v1", BYTES))
        self._open: dict[str, int] = {}
        runtime_context.get_metrics_group().gauge("open_incidents", lambda: sum(self._open.values()))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Keep evidence until its window's end has passed in every stream."""
        packet = from_row(value)
        if packet.topic == "change-note":
            self._changes.add(packet.value)
        else:
            self._evidence.add(packet.value)
            ctx.timer_service().register_event_time_timer(packet.timestamp)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """Take the steps of all windows that the watermark has passed, in order, each with the changes before it."""
        by_end, service = self._ended(ctx.timer_service().current_watermark()), ctx.get_current_key()
        if not by_end:
            return
        kept = self._state.value()
        known = None if kept is None else bytes(kept)
        for end_ms, evidence in sorted(by_end.items()):
            now_ms = int(time.time() * 1000)
            known, events = self._correlator.step(known, service, end_ms, merged(evidence), self._due(end_ms), now_ms)
            yield from map(to_row, _packets(service, events))
        self._state.update(known)
        self._open[service] = 0 if known is None else self._correlator.open_incidents(known)

    def _ended(self, watermark: int) -> dict[int, list[Evidence]]:
        """Take the evidence of ended windows out of the state, by window end."""
        by_end: dict[int, list[Evidence]] = defaultdict(list)
        later: list[bytes] = []
        for encoded in map(bytes, self._evidence.get()):
            evidence = msgspec.msgpack.decode(encoded, type=Evidence)
            if evidence.end_ms - 1 <= watermark:
                by_end[evidence.end_ms].append(evidence)
            else:
                later.append(encoded)
        if by_end:
            self._evidence.update(later)
        return by_end

    def _due(self, end_ms: int) -> list[ChangeNote]:
        """Take the changes before `end_ms` out of the state."""
        kept = list(map(bytes, self._changes.get()))
        notes = [msgspec.msgpack.decode(encoded, type=ChangeNote) for encoded in kept]
        later = [encoded for encoded, note in zip(kept, notes, strict=True) if note.timestamp_ms >= end_ms]
        if len(later) < len(kept):
            self._changes.update(later)
        return [note for note in notes if note.timestamp_ms < end_ms]


def _packets(service: str, events: list[IncidentEvent]) -> Iterator[Packet]:
    for event in events:
        at, encoded = to_milliseconds(event.time), msgspec.json.encode(event)
        yield Packet("incidents", service, at, encoded)
        yield Packet("incidents-current", event.subject, at, encoded)
