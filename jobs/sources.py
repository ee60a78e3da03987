"""Sources: where raw records come from. Files and Kafka give the same columns; nothing behind knows which it was.

Columns: `message` BYTES, `ts` the record's time, `rowtime` the time that moves the watermark, `part`, `pos` (offset).
A record too far ahead of the clock gets the oldest `rowtime`, so it moves nothing and takes the way of late records.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.staging import HEADER, OFFSET_DIGITS, TIME_DIGITS
from models.config import Windows
from models.intake import TopicName

#: Topics that may be silent for hours: event time does not wait for them, and nothing of theirs is judged by lateness.
RARE: tuple[TopicName, ...] = ("labels", "changes")
RARE_IDLE_MS = 1_000


class Source(Protocol):
    """A place that topics are read from."""

    @property
    def header(self) -> int:
        """Bytes that stand before each message."""

    def ddl(self, topic: TopicName, table: str, windows: Windows) -> str:
        """Answer the statement that declares a topic's table."""


@dataclass(frozen=True)
class FileSource:
    """Staged files (`jobs/staging.py`), a folder per topic."""

    staged: Path
    header: int = HEADER

    def ddl(self, topic: TopicName, table: str, windows: Windows) -> str:
        """Declare a staged topic. Latin-1 maps every byte to a character, so reading the head harms nothing."""
        head = "DECODE(message, 'ISO-8859-1')"
        time = f"CAST(SUBSTRING({head}, 1, {TIME_DIGITS}) AS BIGINT)"
        return f"""CREATE TEMPORARY TABLE `{table}` (
            message BYTES,
            ts AS TO_TIMESTAMP_LTZ({time}, 3),
            {_rowtime(f"TO_TIMESTAMP_LTZ({time}, 3)", windows)},
            part AS 0,
            pos AS CAST(SUBSTRING({head}, {TIME_DIGITS + 1}, {OFFSET_DIGITS}) AS BIGINT),
            {_watermark(windows)}
        ) WITH ('connector' = 'filesystem', 'path' = '{(self.staged / topic).as_uri()}', 'format' = 'raw')"""


@dataclass(frozen=True)
class KafkaSource:
    """Topics of a broker. Event time is the record's timestamp; a body cannot move the watermark."""

    bootstrap: str
    group: str
    prefix: str
    bounded: bool
    header: int = 0

    def ddl(self, topic: TopicName, table: str, windows: Windows) -> str:
        """Declare a topic. Watermarks are per partition and follow each record, not a timer."""
        idle_ms = RARE_IDLE_MS if topic in RARE else windows.idle_timeout
        idle = "" if self.bounded else f"'scan.watermark.idle-timeout' = '{idle_ms} ms',"
        bounded = "'scan.bounded.mode' = 'latest-offset'," if self.bounded else ""
        return f"""CREATE TEMPORARY TABLE `{table}` (
            message BYTES,
            ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
            {_rowtime("ts", windows)},
            part INT METADATA FROM 'partition' VIRTUAL,
            pos BIGINT METADATA FROM 'offset' VIRTUAL,
            {_watermark(windows)}
        ) WITH ('connector' = 'kafka', 'topic' = '{self.prefix}{topic}', {bounded} {idle}
            'properties.bootstrap.servers' = '{self.bootstrap}', 'properties.group.id' = '{self.group}',
            'properties.isolation.level' = 'read_committed',
            'scan.startup.mode' = 'earliest-offset', 'scan.watermark.emit.strategy' = 'on-event', 'format' = 'raw')"""


def _rowtime(time: str, windows: Windows) -> str:
    limit = f"CURRENT_TIMESTAMP + INTERVAL '{windows.max_ahead // 1000}' SECOND({_digits(windows.max_ahead)})"
    return f"rowtime AS CASE WHEN {time} > {limit} THEN TO_TIMESTAMP_LTZ(0, 3) ELSE {time} END"


def _watermark(windows: Windows) -> str:
    delay = windows.out_of_orderness
    return f"WATERMARK FOR rowtime AS rowtime - INTERVAL '{delay / 1000:.3f}' SECOND({_digits(delay)}, 3)"


def _digits(milliseconds: int) -> int:
    """Digits that an interval's leading field needs."""
    return max(2, len(str(milliseconds // 1000)))
