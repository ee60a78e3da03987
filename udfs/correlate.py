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

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:
        """Step through the windows that are over, in order."""
        by_end: dict[int, list[Evidence]] = defaultdict(list)
        later: list[bytes] = []
        for encoded in map(bytes, self._evidence.get()):
            evidence = msgspec.msgpack.decode(encoded, type=Evidence)
            if evidence.end_ms <= timestamp + 1:
                by_end[evidence.end_ms].append(evidence)
            else:
                later.append(encoded)
        self._evidence.update(later)
        changes = [msgspec.msgpack.decode(bytes(encoded), type=ChangeNote) for encoded in self._changes.get()]
        state, service = self._state.value(), ctx.get_current_key()
        state = None if state is None else bytes(state)
        for end_ms, evidence_list in sorted(by_end.items()):
            due = [change for change in changes if change.timestamp_ms < end_ms]
            changes = [change for change in changes if change.timestamp_ms >= end_ms]
            now_ms = int(time.time() * 1000)
            state, events = self._correlator.step(state, service, end_ms, merged(evidence_list), due, now_ms)
            yield from map(to_row, _packets(service, events))
        if state is not None:
            self._state.update(state)
            self._open[service] = self._correlator.open_incidents(state)
        self._changes.update([msgspec.msgpack.encode(change) for change in changes])


def _packets(service: str, events: list[IncidentEvent]) -> Iterator[Packet]:
    for event in events:
        at, encoded = to_milliseconds(event.time), msgspec.json.encode(event)
        yield Packet("incidents", service, at, encoded)
        yield Packet("incidents-current", event.subject, at, encoded)
