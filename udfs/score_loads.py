"""Scores the windows of a bucket from loads: the bulk comes from the reader and passes no other operator."""

from collections.abc import Iterator
from typing import Any

from pyflink.datastream import KeyedProcessFunction

from models.artifact import Artifacts
from models.config import Pipeline
from models.loads import read_load
from models.packets import Packet
from models.scores import Stream
from udfs.lanes import in_lanes
from udfs.packets import to_row
from udfs.score import ScoreWindows


class ScoreLoads(KeyedProcessFunction):  # type: ignore[misc]
    """Loads of a bucket in; what `ScoreWindows` answers to their blobs, and what is no bulk, out in lanes."""

    def __init__(self, stream: Stream, pipeline: Pipeline, artifacts: Artifacts) -> None:
        self._windows = ScoreWindows(stream, pipeline, artifacts)

    def open(self, runtime_context: Any) -> None:
        """Open what scores."""
        self._windows.open(runtime_context)

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> Iterator[Any]:
        """Keep a blob; pass on at once what is none."""
        load = read_load(bytes(value))
        yield from in_lanes(map(to_row, load.others))
        if load.blob is not None:
            pane = Packet("pane", str(ctx.get_current_key()), load.pane_ms, load.blob)
            yield from in_lanes(self._windows.process_element(to_row(pane), ctx))

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Any]:
        """End windows."""
        yield from in_lanes(self._windows.on_timer(timestamp, ctx))
