"""Files of messages through panes and windows, as the job's operators take them, and no Flink.

This is the one place beside the operators that decides when a record is late and which windows have ended.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from jobs.feed import records_of
from models.batch import Arrival, BatchReader
from models.bucket import Bucket, Closed, window_ends
from models.bucket_clock import FINAL, Clock
from models.bucket_memory import Memory
from models.config import Pipeline
from models.intake import TopicName
from models.packets import Packet

BATCH = 10_000
#: Called with the number of records read so far.
Count = Callable[[int], None]


def batches(
    path: Path, topic: TopicName, pipeline: Pipeline, now_ms: int, count: Count | None = None, size: int = BATCH
) -> Iterator[tuple[list[Packet], int]]:
    """Yield the packets of each batch of `size` records, and what the watermark behind it has passed (epoch ms, end).

    Lateness is decided as the job decides it; `now_ms` is the clock that a record may not run ahead of.
    """
    reader, watermark, pane = BatchReader(topic, pipeline), -1, pipeline.windows.pane
    records = enumerate(records_of(path, pipeline.windows, now_ms))
    while batch := list(islice(records, size)):
        arrivals = []
        for offset, record in batch:
            ahead = record.timestamp > now_ms + pipeline.windows.max_ahead
            late = record.timestamp // pane * pane + pane - 1 <= watermark
            arrivals.append(Arrival(record.value, record.timestamp, 0, offset, late, ahead))
            if not ahead:
                watermark = max(watermark, record.timestamp - pipeline.windows.out_of_orderness)
        if count is not None:
            count(batch[-1][0])
        yield reader.read(arrivals), watermark + 1


def closed_windows(
    path: Path, topic: TopicName, pipeline: Pipeline, bucket: Bucket[Any], now_ms: int, count: Count | None = None
) -> Iterator[Closed]:
    """Yield what the end of each window of each hash bucket gives; within a bucket in order of time.

    As in the operator, a bucket without anything to remember waits for records, and the end of the file is the final
    watermark.
    """
    slide_ms, blobs = pipeline.windows.slide_ms, defaultdict[str, list[tuple[int, bytes]]](list)
    clocks, memory = defaultdict[str, Clock](Clock), dict[str, Memory[Any]]()
    for packets, reached in chain(batches(path, topic, pipeline, now_ms, count), [([], FINAL + 1)]):
        for packet in packets:
            if packet.topic == "pane":
                blobs[packet.key].append((packet.timestamp, packet.value))
                ends = window_ends(packet.timestamp, pipeline)
                clocks[packet.key] = clocks[packet.key].expecting(ends)
        for key in sorted(clocks):
            while (end_ms := clocks[key].due(slide_ms, reached - 1)) is not None:
                ready = [pair for pair in blobs[key] if pair[0] < end_ms]
                blobs[key] = [pair for pair in blobs[key] if pair[0] >= end_ms]
                closed = bucket.close(memory.pop(key, None), ready, end_ms)
                if closed.tracked:
                    memory[key] = closed.memory
                clocks[key] = clocks[key].closed(end_ms, watching=closed.tracked > 0)
                yield closed
