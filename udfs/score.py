"""Scores the windows of a bucket of services: unpack, one call into `models.bucket`, pack."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from models.artifact import Artifacts
from models.bucket import Closed, bucket_for, window_ends
from models.bucket_clock import FINAL, Clock
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
        self._kept = runtime_context.get_state(ValueStateDescriptor("clock-v2", BYTES))
        self._memory = runtime_context.get_state(ValueStateDescriptor("memory-v2", BYTES))
        self._tracked: dict[str, int] = {}
        self._warming: dict[str, int] = {}
        group = runtime_context.get_metrics_group().add_group("stream", self._stream)
        group.gauge("tracked_services", lambda: sum(self._tracked.values()))
        group.gauge("warming_up", lambda: sum(self._warming.values()))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Keep a blob until the windows that hold its pane end."""
        packet = from_row(value)
        self._blobs.add(msgspec.msgpack.encode((packet.timestamp, packet.value)))
        clock, ends = self._clock(), window_ends(packet.timestamp, self._pipeline)
        fresh = [end_ms for end_ms in ends if end_ms not in clock.pending]
        if fresh:
            self._kept.update(msgspec.msgpack.encode(clock.expecting(fresh)))
        for end_ms in fresh:
            ctx.timer_service().register_event_time_timer(end_ms - 1)

    def _clock(self) -> Clock:
        """Answer which windows are waited for."""
        kept = self._kept.value()
        return Clock() if kept is None else msgspec.msgpack.decode(bytes(kept), type=Clock)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """End every window that the watermark has passed, in order, and wait for the next while anything is remembered.

        A replay's watermark passes hundreds of windows at once; state is then read and written once for all of them,
        and the timers of the others find nothing left to do.
        """
        clock, slide_ms = self._clock(), self._pipeline.windows.slide_ms
        reached = ctx.timer_service().current_watermark()
        if clock.due(slide_ms, reached) is None:
            return
        blobs = [msgspec.msgpack.decode(bytes(blob), type=tuple[int, bytes]) for blob in self._blobs.get()]
        memory = self._memory.value()
        known = None if memory is None else bytes(memory)
        while (end_ms := clock.due(slide_ms, reached)) is not None:
            ready = [(pane_ms, blob) for pane_ms, blob in blobs if pane_ms < end_ms]
            blobs = [(pane_ms, blob) for pane_ms, blob in blobs if pane_ms >= end_ms]
            closed = self._bucket.close(known, ready, end_ms)
            known = closed.memory if closed.tracked else None
            clock = clock.closed(end_ms, watching=closed.tracked > 0)
            yield from self._emit(closed, str(ctx.get_current_key()))
        self._keep(clock, known, blobs)
        ahead = clock.upcoming(slide_ms)
        if ahead is not None and reached < FINAL:
            ctx.timer_service().register_event_time_timer(ahead - 1)

    def _keep(self, clock: Clock, known: bytes | None, blobs: list[tuple[int, bytes]]) -> None:
        """Write the state; a bucket that remembers nothing leaves none behind."""
        self._kept.update(msgspec.msgpack.encode(clock))
        self._blobs.update([msgspec.msgpack.encode(pair) for pair in blobs])
        if known is None:
            self._memory.clear()
        else:
            self._memory.update(known)

    def _emit(self, closed: Closed, bucket: str) -> Iterator[Row]:
        self._tracked[bucket], self._warming[bucket] = closed.tracked, closed.warming
        yield from map(to_row, closed.accounts)
        for judged in closed.judged:
            yield from map(to_row, self._lines(judged))
            yield from map(to_row, self._routes.verdicts(judged))

    def _lines(self, judged: Judged) -> Iterator[Packet]:
        for score in judged.scores:
            yield Packet(f"{self._stream}-scores", score.service, judged.end_ms - 1, msgspec.json.encode(score))
