"""Scores the windows of a bucket of services: unpack, one call into `models.bucket`, pack."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

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
        self._blobs = runtime_context.get_map_state(MapStateDescriptor("blobs-v1", Types.LONG(), BYTES))
        self._memory = runtime_context.get_state(ValueStateDescriptor("memory-v1", BYTES))
        self._tracked: dict[str, int] = {}
        self._warming: dict[str, int] = {}
        group = runtime_context.get_metrics_group().add_group("stream", self._stream)
        group.gauge("tracked_services", lambda: sum(self._tracked.values()))
        group.gauge("warming_up", lambda: sum(self._warming.values()))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Keep a blob until the windows that hold its pane end."""
        packet = from_row(value)
        self._blobs.put(packet.timestamp, msgspec.msgpack.encode([*self._of_pane(packet.timestamp), packet.value]))
        for end_ms in window_ends(packet.timestamp, self._pipeline):
            ctx.timer_service().register_event_time_timer(end_ms - 1)

    def _of_pane(self, pane_ms: int) -> list[bytes]:
        """Answer the blobs of a pane: kept by pane, so that a timer reads only what it folds."""
        kept = self._blobs.get(pane_ms)
        return [] if kept is None else msgspec.msgpack.decode(bytes(kept), type=list[bytes])

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:
        """End a window."""
        end_ms = timestamp + 1
        # panes before these were folded when the window before this one ended
        panes = range(end_ms - self._pipeline.windows.slide_ms, end_ms, self._pipeline.windows.pane)
        blobs = [(pane_ms, blob) for pane_ms in panes for blob in self._of_pane(pane_ms)]
        for pane_ms in dict(blobs):
            self._blobs.remove(pane_ms)
        memory = self._memory.value()
        closed = self._bucket.close(None if memory is None else bytes(memory), blobs, end_ms)
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
