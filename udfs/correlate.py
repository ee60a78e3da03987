"""Correlates the evidence of one service: unpack, one call into `models.correlate` per window, pack."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor

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
        self._evidence = runtime_context.get_map_state(MapStateDescriptor("evidence-v1", Types.LONG(), BYTES))
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
            self._evidence.put(packet.timestamp, msgspec.msgpack.encode([*self._until(packet.timestamp), packet.value]))
            ctx.timer_service().register_event_time_timer(packet.timestamp)

    def _until(self, timestamp: int) -> list[bytes]:
        """Answer the evidence of the windows whose last millisecond this is."""
        kept = self._evidence.get(timestamp)
        return [] if kept is None else msgspec.msgpack.decode(bytes(kept), type=list[bytes])

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:
        """Take the step of the windows that end now, with the changes before it."""
        evidence = [msgspec.msgpack.decode(encoded, type=Evidence) for encoded in self._until(timestamp)]
        self._evidence.remove(timestamp)
        end_ms, service, known = timestamp + 1, ctx.get_current_key(), self._state.value()
        state, events = self._correlator.step(
            None if known is None else bytes(known),
            service,
            end_ms,
            merged(evidence),
            self._due(end_ms),
            int(time.time() * 1000),
        )
        self._state.update(state)
        self._open[service] = self._correlator.open_incidents(state)
        yield from map(to_row, _packets(service, events))

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
