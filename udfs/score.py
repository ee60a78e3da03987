"""Scores the windows of a bucket of services: unpack, one call into `models.bucket`, pack."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from models.artifact import Artifacts
from models.bucket import bucket_for, window_ends
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
        for end_ms in window_ends(packet.timestamp, self._pipeline):
            ctx.timer_service().register_event_time_timer(end_ms - 1)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:
        """End a window."""
        end_ms = timestamp + 1
        blobs = [msgspec.msgpack.decode(bytes(blob), type=tuple[int, bytes]) for blob in self._blobs.get()]
        ready = [(pane, blob) for pane, blob in blobs if pane < end_ms]
        memory = self._memory.value()
        closed = self._bucket.close(None if memory is None else bytes(memory), ready, end_ms)
        self._blobs.update([msgspec.msgpack.encode(pair) for pair in blobs if pair[0] >= end_ms])
        self._memory.update(closed.memory)
        bucket = ctx.get_current_key()
        self._tracked[bucket], self._warming[bucket] = closed.tracked, closed.warming
        yield from map(to_row, closed.accounts)
        for judged in closed.judged:
            yield from map(to_row, self._lines(judged))
            yield from map(to_row, self._routes.verdicts(judged))

    def _lines(self, judged: Judged) -> Iterator[Packet]:
        for score in judged.scores:
            yield Packet(f"{self._stream}-scores", score.service, judged.end_ms - 1, msgspec.json.encode(score))
