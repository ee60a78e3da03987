"""A recording judged without Flink: the operators' own pure functions, called in event-time order.

The incidents are those of `crosstide run` on the same folder, byte for byte, `recordedtime` aside: here it is the end
of the window, so that a backtest is the same whenever it is made. A test holds the two together.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from crosstide.backtest_read import Count, batches, closed_windows
from jobs.feed import input_files
from jobs.graph import Plan, settings_of
from jobs.stages import STREAM_OF
from models.artifact import Artifacts
from models.bucket import Bucket
from models.config import Pipeline
from models.correlate import Correlator
from models.evidence import ChangeNote, Evidence, merged
from models.frame import Frame
from models.incident import IncidentEvent
from models.intake import TopicName
from models.records import Change
from models.route import Routes
from models.scorer import Scorer
from models.scores import Judged, Score
from models.series import SeriesTable

#: Called with what is being read, and how many of its records are done.
Progress = Callable[[TopicName, int], None]


@dataclass
class Backtest:
    """What a backtest gives. Frames by window end (epoch ms), one per window and hash bucket; all in event-time order.

    `scores`: the lines of both score topics; `incidents`: every revision, as `incidents.jsonl` has them.
    """

    frames: list[tuple[int, Frame]] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    incidents: list[IncidentEvent] = field(default_factory=list)


@dataclass
class _Known:
    """What is known of one service: evidence by window end, and changes."""

    evidence: dict[int, list[Evidence]] = field(default_factory=lambda: defaultdict(list))
    changes: list[ChangeNote] = field(default_factory=list)


def backtest(
    pipeline: Pipeline, artifacts: Artifacts, folder: Path, now_ms: int, progress: Progress | None = None
) -> Backtest:
    """Judge the messages of a folder. `now_ms`: the clock; records further ahead of it are dead letters, as in a run.

    Raises UnreadableError (jobs.feed) for a file that cannot be read to its end.
    """
    replay = _Replay(pipeline, artifacts, now_ms)
    for topic, path in input_files(folder).items():
        count: Count | None = None if progress is None else partial(progress, topic)
        if topic == "changes":
            replay.read_changes(path, count)
        elif topic in STREAM_OF:
            replay.score(path, topic, count)
    return replay.finish()


class _Replay:
    """One backtest while it is made."""

    def __init__(self, pipeline: Pipeline, artifacts: Artifacts, now_ms: int) -> None:
        self._pipeline, self._artifacts, self._now_ms = pipeline, artifacts, now_ms
        self._routes = Routes(pipeline.topology)
        self._services: dict[str, _Known] = defaultdict(_Known)
        self._done = Backtest()

    def read_changes(self, path: Path, count: Count | None) -> None:
        """Tell every service of the changes that concern it."""
        for packets, _ in batches(path, "changes", self._pipeline, self._now_ms, count):
            for packet in packets:
                if packet.topic == "change":
                    for note in self._routes.change(msgspec.msgpack.decode(packet.value, type=Change)):
                        self._services[note.key].changes.append(msgspec.msgpack.decode(note.value, type=ChangeNote))

    def score(self, path: Path, topic: TopicName, count: Count | None) -> None:
        """Score the windows of a stream, and give every service its evidence."""
        stream = STREAM_OF[topic]
        scorer = Scorer.of(stream, self._pipeline, self._artifacts)

        def judge(table: SeriesTable, frame: Frame, start_ms: int, end_ms: int) -> tuple[SeriesTable, list[Judged]]:
            self._done.frames.append((end_ms, frame))
            return scorer.judge(table, frame, start_ms, end_ms)

        bucket = Bucket[Any](stream, self._pipeline, judge)
        for closed in closed_windows(path, topic, self._pipeline, bucket, self._now_ms, count):
            for judged in closed.judged:
                self._done.scores.extend(judged.scores)
                for packet in self._routes.verdicts(judged):
                    evidence = msgspec.msgpack.decode(packet.value, type=Evidence)
                    self._services[packet.key].evidence[evidence.end_ms].append(evidence)

    def finish(self) -> Backtest:
        """Correlate, service by service, and put everything into event-time order."""
        settings = settings_of(Plan(self._pipeline, self._artifacts, (), replay=True))
        for service, known in sorted(self._services.items()):
            self._done.incidents.extend(_correlate(Correlator(settings), service, known))
        self._done.frames.sort(key=lambda pair: pair[0])
        self._done.scores.sort(key=lambda score: (score.window.end, score.stream, score.service, score.entity or ""))
        self._done.incidents.sort(key=lambda event: (event.time, event.subject, event.sequence))
        return self._done


def _correlate(correlator: Correlator, service: str, known: _Known) -> list[IncidentEvent]:
    """Take the steps of one service, each with the changes before it that no step has had."""
    state: bytes | None = None
    events: list[IncidentEvent] = []
    begin = 0
    for end_ms, evidence in sorted(known.evidence.items()):
        due = [note for note in known.changes if begin <= note.timestamp_ms < end_ms]
        state, written = correlator.step(state, service, end_ms, merged(evidence), due, end_ms)
        events.extend(written)
        begin = end_ms
    return events
