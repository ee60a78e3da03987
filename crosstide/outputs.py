"""What a run leaves in its output folder: the lines of each topic, and the summary."""

import heapq
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jobs.sinks import WRITTEN
from models.packets import COUNTS, Packet

#: A file of lines is sorted, so that two runs give the same file, as long as it fits comfortably in memory.
SORTED_BYTES = 256 * 1024 * 1024


def gather(raw: Path, output: Path) -> dict[str, int]:
    """Move the parts that Flink wrote below `raw` into one file per topic; answers lines per topic."""
    return {topic: _gather_one(raw / f"topic={topic}", output / f"{topic}.jsonl") for topic in WRITTEN}


def _gather_one(parts: Path, target: Path) -> int:
    files = sorted(path for path in parts.glob("*") if path.is_file()) if parts.is_dir() else []
    small = sum(path.stat().st_size for path in files) < SORTED_BYTES
    lines: Iterator[bytes] = heapq.merge(*(_sorted(path) for path in files)) if small else _all_lines(files)
    count = 0
    with target.open("wb") as written:
        for count, line in enumerate(lines, 1):  # noqa: B007
            written.write(line)
    return count


def _sorted(path: Path) -> list[bytes]:
    return sorted(path.read_bytes().splitlines(keepends=True))


def _all_lines(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as lines:
            yield from lines


def write_incidents(incidents: Sequence[Packet], target: Path) -> None:
    """Write revisions in order of event time, incident and revision."""
    with target.open("wb") as written:
        for packet in sorted(incidents, key=_order):
            written.write(packet.value + b"\n")


def _order(packet: Packet) -> tuple[int, str, str]:
    event = json.loads(packet.value)
    return packet.timestamp, event["subject"], event["sequence"]


class Accounts:
    """The newest account of every topic and partition, as the job wrote them."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, int], dict[str, Any]] = {}

    def take(self, packet: Packet) -> None:
        """Remember an account."""
        account = json.loads(packet.value)
        self._newest[account["topic"], account["partition"]] = account

    @property
    def consumed(self) -> int:
        """Records read so far, all topics."""
        return sum(account["consumed"] for account in self._newest.values())

    def by_topic(self) -> dict[str, dict[str, Any]]:
        """Answer topic -> sums, and the same per partition."""
        topics: dict[str, dict[str, Any]] = {}
        for (topic, partition), account in sorted(self._newest.items()):
            counts = {name: account[name] for name in COUNTS}
            entry = topics.setdefault(topic, {**dict.fromkeys(COUNTS, 0), "partitions": {}})
            entry["partitions"][str(partition)] = counts
            for name in COUNTS:
                entry[name] += counts[name]
        return topics
