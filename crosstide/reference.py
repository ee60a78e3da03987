"""Reads a reference period into frames, with the same panes and windows as the job, and no Flink."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from jobs.feed import records_of
from jobs.stages import STREAM_OF
from models.batch import Arrival, BatchReader
from models.bucket import bucket_for, window_ends
from models.config import Pipeline
from models.frame import Frame
from models.intake import TopicName
from models.packets import Packet
from models.scores import Judged
from models.series import SeriesTable

BATCH = 10_000


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
    bucket = bucket_for(STREAM_OF[topic], pipeline, collector.judge)
    blobs: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    memory: dict[str, bytes | None] = defaultdict(lambda: None)
    for packets, watermark in _batches(path, topic, pipeline, now_ms):
        for packet in packets:
            if packet.topic == "pane":
                blobs[packet.key].append((packet.timestamp, packet.value))
        for key in sorted(blobs):
            due = sorted({end for pane, _ in blobs[key] for end in window_ends(pane, pipeline) if end <= watermark})
            for end_ms in due:
                ready = [pair for pair in blobs[key] if pair[0] < end_ms]
                blobs[key] = [pair for pair in blobs[key] if pair[0] >= end_ms]
                memory[key] = bucket.close(memory[key], ready, end_ms).memory
    return sorted(collector.frames, key=lambda pair: pair[0])


def _batches(path: Path, topic: TopicName, pipeline: Pipeline, now_ms: int) -> Iterator[tuple[list[Packet], int]]:
    """Yield the packets of each batch, and the watermark behind it; lateness is decided as the job decides it."""
    reader, watermark, pane = BatchReader(topic, pipeline), -1, pipeline.windows.pane
    records = enumerate(records_of(path, pipeline.windows, now_ms))
    while batch := list(islice(records, BATCH)):
        arrivals = []
        for offset, record in batch:
            ahead = record.timestamp > now_ms + pipeline.windows.max_ahead
            late = record.timestamp // pane * pane + pane - 1 <= watermark
            arrivals.append(Arrival(record.value, record.timestamp, 0, offset, late, ahead))
            if not ahead:
                watermark = max(watermark, record.timestamp - pipeline.windows.out_of_orderness - 1)
        yield reader.read(arrivals), watermark + 1
