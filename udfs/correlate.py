"""Correlates the evidence of a bucket of services: unpack, one call into `models.correlate` for each window, pack."""

import time
from collections.abc import Iterator
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from models.correlate import Correlator, CorrelatorSettings, is_open, is_past
from models.correlate_live import Live
from models.correlate_state import Memory
from models.evidence import merged
from models.incident import IncidentEvent
from models.packets import Packet
from models.smaller import encoded
from models.times import to_milliseconds
from udfs.metrics import Metrics
from udfs.packets import BYTES, from_row, to_row

KEPT = ("evidence-v2", "changes-v2", "incidents-v2")


class Correlate(KeyedProcessFunction):  # type: ignore[misc]
    """Evidence and changes in; revisions of incidents out. Acts on watermarks only.

    A key holds all services whose packets have it (`models.correlate_live.bucket_of`). What is known stays in the
    operator, as only it writes the state.
    """

    def __init__(self, settings: CorrelatorSettings) -> None:
        self._settings = settings

    def open(self, runtime_context: Any) -> None:
        """Build the correlator; state is named by its layout's version."""
        evidence, changes, incidents = KEPT
        self._correlator = Correlator(self._settings)
        self._evidence = runtime_context.get_list_state(ListStateDescriptor(evidence, BYTES))
        self._changes = runtime_context.get_list_state(ListStateDescriptor(changes, BYTES))
        self._memories = runtime_context.get_state(ValueStateDescriptor(incidents, BYTES))
        self._live: dict[str, Live] = {}
        self._metrics = Metrics(runtime_context.get_metrics_group())
        self._metrics.gauge("open_incidents", lambda: sum(is_open(one) for one in self._all()))
        self._metrics.gauge("state_bytes", lambda: sum(live.saved for live in self._live.values()))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Keep evidence until its window's end has passed in every stream, a change until it is forgotten."""
        packet, live = from_row(value), self._known(str(ctx.get_current_key()))
        if packet.topic == "change-note":
            live.note(packet.value)
            self._changes.add(packet.value)
            ctx.timer_service().register_event_time_timer(packet.timestamp + self._settings.pipeline.windows.forget)
            return
        self._evidence.add(packet.value)
        if live.wait(packet.timestamp + 1, packet.value):
            ctx.timer_service().register_event_time_timer(packet.timestamp)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """Take the steps of all windows that the watermark has passed, in order, each with the changes before it."""
        live, reached = self._known(str(ctx.get_current_key())), ctx.timer_service().current_watermark()
        ended, changes = live.ended(reached), live.changes_waiting
        for end_ms in ended:
            for service, evidence in live.take(end_ms).items():
                known = live.memories.get(service) or Memory()
                if is_past(known, service, end_ms):
                    continue  # the changes before it wait for a window that counts
                now_ms, due = int(time.time() * 1000), live.due(service, end_ms)
                memory, events = self._correlator.advance(known, service, end_ms, merged(evidence), due, now_ms)
                live.remember(service, memory)
                yield from map(to_row, self._packets(service, events))
        live.forget_changes(reached - self._settings.pipeline.windows.forget + 1)
        if ended:
            self._evidence.update(live.waiting())
            self._save(live)
        if live.changes_waiting < changes:
            self._changes.update(live.changes_encoded())

    def _known(self, key: str) -> Live:
        """Answer what is known of the current key; what is not at hand is made from saved state."""
        if key not in self._live:
            memories = self._memories.value()
            self._live[key] = Live.of(
                None if memories is None else bytes(memories),
                map(bytes, self._evidence.get()),
                map(bytes, self._changes.get()),
            )
        return self._live[key]

    def _save(self, live: Live) -> None:
        memories = live.encoded()
        if memories is None:
            self._memories.clear()
        else:
            self._memories.update(memories)

    def _all(self) -> Iterator[Memory]:
        for live in self._live.values():
            yield from live.memories.values()

    def _packets(self, service: str, events: list[IncidentEvent]) -> Iterator[Packet]:
        for event in events:
            told = event.type.split(".")[-2]
            self._metrics.count("incidents_total", 1, transition=told, severity=event.data.severity)
            at, body = to_milliseconds(event.time), encoded(event)
            yield Packet("incidents", service, at, body)
            yield Packet("incidents-current", event.subject, at, body)
