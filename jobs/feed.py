"""Files of messages as records of a topic: key, event time and bytes, just as a producer would send them."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.config import Windows
from models.intake import HEARTBEAT, TopicName
from models.times import to_milliseconds

TOPICS: tuple[TopicName, ...] = ("model-outputs", "telemetry", "labels", "changes")


class UnreadableError(OSError):
    """A file of messages that cannot be read to its end."""


@dataclass(frozen=True, slots=True)
class FedRecord:
    """A record before it has an offset."""

    key: str
    timestamp: int
    value: bytes


class _Head(msgspec.Struct, gc=False):
    """The little that a producer knows of any message: its time, and who it is about."""

    timestamp: int | str
    service: str | None = None
    node: str | None = None
    pod: str | None = None
    gpu: str | None = None


_HEAD = msgspec.json.Decoder(_Head)


def input_files(folder: Path) -> dict[TopicName, Path]:
    """Answer the message files of a folder by topic; `NAME.jsonl` or `NAME.jsonl.gz`."""
    found: dict[TopicName, Path] = {}
    for topic in TOPICS:
        for name in (f"{topic}.jsonl", f"{topic}.jsonl.gz"):
            if (folder / name).is_file():
                found[topic] = folder / name
    return found


def records_of(path: Path, windows: Windows, now_ms: int) -> Iterator[FedRecord]:
    """Yield the lines of a file, and at the end a heartbeat far enough ahead to end the last window.

    A line whose time cannot be read travels with the time of the line before it, as if it were sent then.
    Raises UnreadableError.
    """
    last, newest = 0, 0
    for line in _lines(path):
        value = line.rstrip(b"\r\n")
        if not value.strip():
            continue
        key, last = _head(value, last)
        if newest < last <= now_ms + windows.max_ahead:
            newest = last
        yield FedRecord(key, last, value)
    yield FedRecord("", newest + windows.size + windows.out_of_orderness + 1, HEARTBEAT)


def _head(value: bytes, before: int) -> tuple[str, int]:
    try:
        head = _HEAD.decode(value)
        timestamp = to_milliseconds(head.timestamp)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return "", before
    key = head.service or head.node or head.pod or head.gpu or ""
    return key, timestamp if 0 <= timestamp < 10**13 else before


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error
