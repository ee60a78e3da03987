"""Reads a reference period into frames, with the same panes and windows as the job, and no Flink."""

from pathlib import Path
from typing import Any

from crosstide.backtest_read import closed_windows
from jobs.stages import STREAM_OF
from models.bucket import Bucket
from models.config import Pipeline
from models.frame import Frame
from models.intake import TopicName
from models.scores import Judged
from models.series import SeriesTable


class _Collector:
    """Stands where the detectors stand in the job, and only keeps what they would see."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, Frame]] = []

    def judge(self, table: SeriesTable, frame: Frame, _start: int, end_ms: int) -> tuple[SeriesTable, list[Judged]]:
        """Keep the frame."""
        self.frames.append((end_ms, frame))
        return table, []


def frames_of(path: Path, topic: TopicName, pipeline: Pipeline, now_ms: int) -> list[tuple[int, Frame]]:
    """Answer (window end, frame) of a file of messages, in time order; one frame per window and bucket."""
    collector = _Collector()
    bucket = Bucket[Any](STREAM_OF[topic], pipeline, collector.judge)
    for _ in closed_windows(path, topic, pipeline, bucket, now_ms):
        pass
    return sorted(collector.frames, key=lambda pair: pair[0])
