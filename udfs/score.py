"""Scores the windows of a bucket of services: unpack, one call into `models.bucket`, pack."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from models.artifact import Artifacts
from models.bucket import Closed, bucket_for, window_ends
from models.config import Pipeline
from models.packets import Packet
from models.route import Routes
from models.scorer import Scorer
from models.scores import Judged, Stream
from udfs.packets import BYTES, from_row, to_row


class ScoreWindows(KeyedProcessFunction):  # type: ignore[misc]
    """Panes in; lines of a score topic, evidence and accounts out. Acts on watermarks only."""

    def __init__(self, stream: Stream, pipeline: Pipeline, artifacts: Artifacts) -> None:
        self._stream, self._pipeline, self._artifacts = stream, pipeline, artifacts

    def open(self, runtime_context: Any) -> None:
        """Build the detectors; state is named by its layout's version."""
        scorer = Scorer.of(self._stream, self._pipeline, self._artifacts)
        self._bucket = bucket_for(self._stream, self._pipeline, scorer.judge)
        self._routes = Routes(self._pipeline.topology)
        self._blobs = runtime_context.get_list_state(ListStateDescriptor("blobs-v1", BYTES))
        self._pending = runtime_context.get_state(ValueStateDescriptor("pending-v1", BYTES))
        self._memory = runtime_context.get_state(ValueStateDescriptor("memory-v1", BYTES))
        self._tracked: dict[str, int] = {}
        self._warming: dict[str, int] = {}
        group = runtime_context.get_metrics_group().add_group("stream", self._stream)
        group.gauge("tracked_services", lambda: sum(self._tracked.values()))
        group.gauge("warming_up", lambda: sum(self._warming.values()))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Keep a blob until the windows that hold its pane end."""
        packet = from_row(value)
        self._blobs.add(msgspec.msgpack.encode((packet.timestamp, packet.value)))
        pending = self._ends()
        fresh = [end_ms for end_ms in window_ends(packet.timestamp, self._pipeline) if end_ms not in pending]
        if fresh:
            self._pending.update(msgspec.msgpack.encode(sorted([*pending, *fresh])))
        for end_ms in fresh:
            ctx.timer_service().register_event_time_timer(end_ms - 1)

    def _ends(self) -> list[int]:
        """Answer the ends of the windows that have records and are not judged yet."""
        known = self._pending.value()
        return [] if known is None else msgspec.msgpack.decode(bytes(known), type=list[int])

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """End every window that the watermark has passed, in order.

        A replay's watermark passes hundreds of windows at once; state is then read and written once for all of them,
        and the timers of the others find nothing left to do.
        """
        pending, reached = self._ends(), ctx.timer_service().current_watermark()
        due = [end_ms for end_ms in pending if end_ms - 1 <= reached]
        if not due:
            return
        blobs = [msgspec.msgpack.decode(bytes(blob), type=tuple[int, bytes]) for blob in self._blobs.get()]
        memory = self._memory.value()
        known = None if memory is None else bytes(memory)
        for end_ms in due:
            ready = [(pane_ms, blob) for pane_ms, blob in blobs if pane_ms < end_ms]
            blobs = [(pane_ms, blob) for pane_ms, blob in blobs if pane_ms >= end_ms]
            closed = self._bucket.close(known, ready, end_ms)
            known = closed.memory
            yield from self._emit(closed, str(ctx.get_current_key()))
        self._memory.update(known)
        self._blobs.update([msgspec.msgpack.encode(pair) for pair in blobs])
        self._pending.update(msgspec.msgpack.encode(pending[len(due) :]))

    def _emit(self, closed: Closed, bucket: str) -> Iterator[Row]:
        self._tracked[bucket], self._warming[bucket] = closed.tracked, closed.warming
        yield from map(to_row, closed.accounts)
        for judged in closed.judged:
            yield from map(to_row, self._lines(judged))
            yield from map(to_row, self._routes.verdicts(judged))

    def _lines(self, judged: Judged) -> Iterator[Packet]:
        for score in judged.scores:
            yield Packet(f"{self._stream}-scores", score.service, judged.end_ms - 1, msgspec.json.encode(score))
