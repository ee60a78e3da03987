"""The files of a recording: put together, cut to its time, sorted and written."""

import gzip
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from crosstide.lab.shop import TOPOLOGY

Record = dict[str, Any]

TOPICS = ("model-outputs", "telemetry", "labels", "changes")
OTHERS = ("topology.yaml", "truth.json", "recording.json")


class OccupiedError(ValueError):
    """The folder already holds a recording."""


def claim(folder: Path, overwrite: bool) -> None:
    """Make the folder and see that it holds no recording; OccupiedError where it does and must not be overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [p for p in existing(folder) if p.exists()]
    if found and not overwrite:
        raise OccupiedError(f"{folder} already holds {found[0].name}: choose another folder, or give --overwrite")


def existing(folder: Path) -> list[Path]:
    """Name all files that a recording may consist of."""
    lines = [folder / f"{topic}.jsonl{end}" for topic in TOPICS for end in ("", ".gz")]
    return lines + [folder / name for name in OTHERS]


def read(path: Path) -> list[Record]:
    """Read what a process handed over."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def merge(answered: Iterable[Record], unanswered: Iterable[Record]) -> list[Record]:
    """Add what only callers know of: a call whose service has no record of it (dead, or never reached)."""
    records = list(answered)
    known = {(r["service"], r["request_id"]) for r in records}
    return records + [r for r in unanswered if (r["service"], r["request_id"]) not in known]


def within(records: Iterable[Record], start: str, end: str) -> list[Record]:
    """Keep what happened in the time of the recording, in order of time (and of service, at equal times)."""
    kept = [r for r in records if start <= r["timestamp"] < end]
    return sorted(kept, key=lambda r: (r["timestamp"], r.get("service", ""), r.get("request_id", "")))


def of_answers(labels: Iterable[Record], answers: Iterable[Record]) -> list[Record]:
    """Keep the labels of answers that are recorded themselves."""
    known = {(answer["service"], answer["request_id"]) for answer in answers}
    return [label for label in labels if (label["service"], label["request_id"]) in known]


def counted(records: Iterable[Record]) -> dict[str, int]:
    """Count records of each service (or node)."""
    names = sorted(r.get("service") or r.get("node", "") for r in records)
    return {name: len(list(group)) for name, group in groupby(names)}


def write(folder: Path, topics: dict[str, list[Record]], documents: dict[str, Record], gzipped: bool) -> dict[str, int]:
    """Write all files, in place of older ones; answers the size of each in bytes."""
    for path in existing(folder):
        path.unlink(missing_ok=True)
    for topic, records in topics.items():
        data = b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in records)
        # no time stamp and no name in the gzip header: equal records make equal files
        packed = gzip.compress(data, mtime=0) if gzipped else data
        (folder / f"{topic}.jsonl{'.gz' if gzipped else ''}").write_bytes(packed)
    (folder / "topology.yaml").write_text(TOPOLOGY)
    for name, document in documents.items():
        (folder / name).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return {p.name: p.stat().st_size for p in existing(folder) if p.exists()}
