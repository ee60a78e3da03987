"""Stages a file of messages for Flink's file source: each line gets a head with its time and its offset.

One file, compressed, for each topic: Flink reads a compressed file as one split, in order, which a watermark needs.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.feed import records_of
from models.config import Windows

#: Digits of the time (epoch ms) and of the offset that stand before each message.
TIME_DIGITS, OFFSET_DIGITS = 13, 12
HEADER = TIME_DIGITS + OFFSET_DIGITS
REPORT_EVERY = 50_000


@dataclass(frozen=True)
class Staged:
    """A staged topic: where it is, how many messages, and the event time that they span (epoch ms)."""

    folder: Path
    messages: int
    first_ms: int
    last_ms: int


def stage(source: Path, folder: Path, windows: Windows, now_ms: int, progress: Callable[[int], None]) -> Staged:
    """Write the staged form of `source` into `folder`; calls `progress` with the number of messages so far."""
    folder.mkdir(parents=True, exist_ok=True)
    count, first, last = 0, 0, 0
    with gzip.open(folder / "0.gz", "wb", compresslevel=1) as staged:
        for offset, record in enumerate(records_of(source, windows, now_ms)):
            staged.write(b"%013d%012d%b\n" % (record.timestamp, offset, record.value))
            count, last = offset, record.timestamp
            first = first or record.timestamp
            if offset % REPORT_EVERY == 0:
                progress(offset)
    progress(count)
    return Staged(folder, count, first, last)
