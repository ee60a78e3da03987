"""Scores the windows of a bucket of services: unpack, one call into `models.bucket`, pack."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from models.artifact import Artifacts
from models.bucket import Bucket, Closed, window_ends
from models.bucket_clock import FINAL
from models.bucket_log import Live, found
from models.bucket_memory import Memory, encode
from models.bucket_union import Piece
from models.config import Pipeline
from models.packets import Packet
from models.route import Routes
from models.scorer import Scorer
from models.scores import Judged, Stream
from models.stale import late_accounts
from udfs.metrics import Metrics
from udfs.packets import BYTES, from_row, to_row


class ScoreWindows(KeyedProcessFunction):  # type: ignore[misc]
    """Panes in; lines of a score topic, evidence and accounts out. Acts on watermarks only.

    What is known of a bucket stays in the operator, as only it writes that state; `models.bucket_log` says what is
    saved of it. A fresh operator (a restart, another parallelism) starts from what was saved.
    """

    def __init__(self, stream: Stream, pipeline: Pipeline, artifacts: Artifacts) -> None:
        self._stream, self._pipeline, self._artifacts = stream, pipeline, artifacts.for_stream(stream)

    def open(self, runtime_context: Any) -> None:
        """Build the detectors; state is named by its layout's version."""
        scorer = Scorer.of(self._stream, self._pipeline, self._artifacts)
        self._bucket = Bucket[Any](self._stream, self._pipeline, scorer.judge)
        self._routes = Routes(self._pipeline.topology)
        self._blobs = runtime_context.get_list_state(ListStateDescriptor("blobs-v2", BYTES))
        self._head = runtime_context.get_state(ValueStateDescriptor("head-v1", BYTES))
        self._memory = runtime_context.get_state(ValueStateDescriptor("memory-v3", BYTES))
        self._live: dict[str, Live[Any]] = {}
        self._unsaved: set[str] = set()  # buckets with windows that ended and are not in their state yet
        self._told: dict[str, tuple[int, int, int]] = {}  # tracked, warming, refused
        self._metrics = Metrics(runtime_context.get_metrics_group().add_group("stream", self._stream))
        self._metrics.gauge("tracked_services", lambda: sum(told[0] for told in self._told.values()))
        self._metrics.gauge("warming_up", lambda: sum(told[1] for told in self._told.values()))
        self._metrics.gauge("refused_services", lambda: sum(told[2] for told in self._told.values()))
        self._metrics.gauge("state_bytes", lambda: sum(live.state_bytes for live in self._live.values()))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> Iterable[Row]:
        """Keep a blob until the windows that hold its pane end; answer the accounts of one that comes after them."""
        packet, live = from_row(value), self._known(str(ctx.get_current_key()))
        closed_ms = live.clock.closed_ms or 0
        ends = [end_ms for end_ms in window_ends(packet.timestamp, self._pipeline) if end_ms > closed_ms]
        if not ends:
            return map(to_row, late_accounts(self._bucket.kind.topic, packet.value))
        self._blobs.add(live.arrive(packet.timestamp, packet.value))
        fresh = [end_ms for end_ms in ends if end_ms not in live.clock.pending]
        if fresh:
            live.clock = live.clock.expecting(fresh)
            self._head.update(live.head)
        for end_ms in fresh:
            ctx.timer_service().register_event_time_timer(end_ms - 1)
        return ()

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """End every window that the watermark has passed, in order, and wait for the next while anything is remembered.

        The first timer ends them for all buckets at hand: together they cost little more than one. The timers of the
        others then find their bucket only to be saved; a replay's watermark passes hundreds of windows at once, and
        state is written once for all of them.
        """
        key, reached = str(ctx.get_current_key()), ctx.timer_service().current_watermark()
        live = self._known(key)
        while (due := self._due(key, reached)) is not None:
            yield from self._end(*due)
        if key in self._unsaved:
            self._unsaved.remove(key)
            self._save(live)
            ahead = live.clock.upcoming(self._pipeline.windows.slide_ms)
            if ahead is not None and reached < FINAL:
                ctx.timer_service().register_event_time_timer(ahead - 1)

    def _due(self, key: str, reached: int) -> tuple[int, list[str]] | None:
        """Answer the end of the next window that the watermark has passed, and the buckets that it ends for.

        None if it has passed none of this bucket: whoever asked first has ended those of all.
        """
        slide_ms = self._pipeline.windows.slide_ms
        if self._live[key].clock.due(slide_ms, reached) is None:
            return None
        ends = {each: live.clock.due(slide_ms, reached) for each, live in self._live.items()}
        end_ms = min(end for end in ends.values() if end is not None)
        return end_ms, sorted(each for each, end in ends.items() if end == end_ms)

    def _end(self, end_ms: int, keys: list[str]) -> Iterator[Row]:
        """End one window of some buckets; each is saved when its own timer comes, which is before any checkpoint."""
        for key, closed in self._close(keys, end_ms).items():
            live = self._live[key]
            live.clock = live.clock.closed(end_ms, watching=closed.tracked > 0)
            self._unsaved.add(key)
            yield from self._emit(closed)

    def _close(self, keys: Iterable[str], end_ms: int) -> dict[str, Closed]:
        """Judge one window of some buckets, and remember it."""
        lives = {key: self._live[key] for key in keys}
        pieces = {key: Piece(live.memory or Memory(), live.take(end_ms)) for key, live in lives.items()}
        found = self._bucket.close_all(pieces, end_ms)
        for key, closed in found.items():
            lives[key].memory = closed.known
            lives[key].judged.append(end_ms)
            self._told[key] = (closed.tracked, closed.warming, closed.refused)
        return found

    def _known(self, key: str) -> Live[Any]:
        """Answer the bucket of the current key; one that is not at hand is made from saved state."""
        if key not in self._live:
            head, memory = self._head.value(), self._memory.value()
            live, again = found(None if head is None else bytes(head), [bytes(blob) for blob in self._blobs.get()])
            live.saved = 0 if memory is None else len(memory)
            live.memory = self._bucket.unpack(None if memory is None else bytes(memory))
            self._live[key] = live
            for end_ms in again:
                self._close([key], end_ms)
        return self._live[key]

    def _save(self, live: Live[Any]) -> None:
        """Write the state; a bucket that remembers nothing leaves none behind."""
        if live.is_due:
            live.judged, live.logged = [], 0
            self._blobs.update(list(live.left()))
            if live.memory is None:
                live.saved = 0
                self._memory.clear()
            else:
                memory = encode(live.memory)
                live.saved = len(memory)
                self._memory.update(memory)
        self._head.update(live.head)

    def _emit(self, closed: Closed) -> Iterator[Row]:
        self._metrics.count("windows_scored_total", 1)
        yield from map(to_row, closed.accounts)
        for judged in closed.judged:
            strange = sum(1 for one in judged.scores if one.detector != "fused" and one.score >= 1)
            self._metrics.count("anomalies_total", strange)
            yield from map(to_row, self._lines(judged))
            yield from map(to_row, self._routes.verdicts(judged))

    def _lines(self, judged: Judged) -> Iterator[Packet]:
        for score in judged.scores:
            yield Packet(f"{self._stream}-scores", score.service, judged.end_ms - 1, msgspec.json.encode(score))
