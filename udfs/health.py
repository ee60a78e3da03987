"""Watches the dead letters of one topic: unpack, one call into `models.stream_health` per window, pack."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ValueStateDescriptor

from models.bucket_clock import FINAL
from models.config import Pipeline
from models.stream_health import Watch, close, evidence
from udfs.lanes import in_lanes
from udfs.packets import BYTES, from_row, to_row


class WatchStreams(KeyedProcessFunction):  # type: ignore[misc]
    """Dead letters in, keyed by their topic; evidence about the stream out. Acts on watermarks only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def open(self, runtime_context: Any) -> None:
        """Name the state."""
        self._watch = runtime_context.get_state(ValueStateDescriptor("letters-v1", BYTES))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Count a letter, and wait for the end of its window. One without a time, before there is any, has none."""
        reached, at_ms = max(ctx.timer_service().current_watermark(), 0), from_row(value).timestamp
        watch = self._known()
        if reached >= FINAL or max(at_ms, reached, watch.closed_ms or 0) <= 0:
            return
        watch = watch.counting(at_ms, reached, self._pipeline.windows.slide_ms)
        self._watch.update(msgspec.msgpack.encode(watch))
        for end_ms in watch.counts:
            ctx.timer_service().register_event_time_timer(end_ms - 1)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """Judge the windows that have ended, and wait for the next while anything is watched."""
        reached, topic = ctx.timer_service().current_watermark(), str(ctx.get_current_key())
        watch, closed = close(self._known(), reached, self._pipeline)
        for end_ms, letters in closed:
            yield to_row(evidence(topic, end_ms, letters, self._pipeline))
        ahead = watch.upcoming(self._pipeline.windows.slide_ms)
        if ahead is None:
            self._watch.clear()
            return
        self._watch.update(msgspec.msgpack.encode(watch))
        if reached < FINAL:
            ctx.timer_service().register_event_time_timer(ahead - 1)

    def _known(self) -> Watch:
        kept = self._watch.value()
        return Watch() if kept is None else msgspec.msgpack.decode(bytes(kept), type=Watch)


class WatchLetters(WatchStreams):
    """The same in the job: what it answers leaves in lanes."""

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Any]:
        """Judge windows, as `WatchStreams` does."""
        yield from in_lanes(super().on_timer(timestamp, ctx))
