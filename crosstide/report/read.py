"""What a report is made of: score lines as thinned series, incidents, changes, and the summary of the run."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from crosstide.report.thin import Point, Thinned
from crosstide.score_input import ScoreInputError, read_events
from models.incident import IncidentData
from models.records import Change
from models.scores import Score
from models.times import to_milliseconds

FUSED = "fused"


@dataclass(frozen=True, order=True)
class LaneKey:
    """One series: a stream, whose it is (`kind/name`), and the signal; without a signal it is the fused score."""

    stream: str
    subject: str
    signal: str = ""


@dataclass
class Series:
    """A thinned series and what was seen of all its windows, the thinned-away included."""

    thinned: Thinned = field(default_factory=Thinned)
    windows: int = 0
    strange: int = 0
    peak: float = 0.0
    peak_ms: int = 0

    def add(self, point: Point) -> None:
        """Take one window."""
        self.thinned.add(point)
        self.windows += 1
        self.strange += point.score >= 1
        if self.windows == 1 or point.score > self.peak:
            self.peak, self.peak_ms = point.score, point.at_ms


def read_series(output: Path) -> dict[LaneKey, Series]:
    """Read both score files in one pass each, in bounded memory; windows not judged (warming up) are left out."""
    found: dict[LaneKey, Series] = {}
    for name in ("model-scores.jsonl", "infra-scores.jsonl"):
        for score in _lines(output / name, Score):
            entry = _entry(score)
            if entry is not None:
                found.setdefault(entry[0], Series()).add(entry[1])
    return found


def read_revisions(output: Path) -> list[list[IncidentData]]:
    """Read incidents, by onset: each a list of its revisions, oldest first. No file: no incidents."""
    path = output / "incidents.jsonl"
    if not path.is_file():
        return []
    groups: dict[str, dict[int, IncidentData]] = {}
    for event in read_events(path):
        groups.setdefault(event.data.incident_id, {})[event.data.revision] = event.data
    ordered = [[group[number] for number in sorted(group)] for group in groups.values()]
    return sorted(ordered, key=lambda revisions: (revisions[-1].timeline.onset_at, revisions[-1].incident_id))


def read_changes(folder: Path) -> list[Change]:
    """Read `changes.jsonl` or `changes.jsonl.gz`; lines that are not changes were dead-lettered by the job: skipped."""
    for name in ("changes.jsonl", "changes.jsonl.gz"):
        if (folder / name).is_file():
            return list(_changes(folder / name))
    return []


def read_summary(output: Path) -> dict[str, Any]:
    """Read `summary.json`; empty where there is none. Raises ScoreInputError where it is not a JSON object."""
    path = output / "summary.json"
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_text())
    except ValueError as error:
        raise ScoreInputError(f"{path}: not JSON: {error}") from error
    if not isinstance(summary, dict):
        raise ScoreInputError(f"{path}: not a JSON object")
    return summary


def _entry(score: Score) -> tuple[LaneKey, Point] | None:
    if score.status != "ok":
        return None
    subject = score.entity or f"service/{score.service}"
    at_ms = to_milliseconds(score.window.start)
    if score.detector == FUSED:
        return LaneKey(score.stream, subject), Point(at_ms, score.score, score.score)
    if score.signal is None or score.observed is None:
        return None
    point = Point(at_ms, score.observed, score.score, score.lower, score.upper)
    return LaneKey(score.stream, subject, score.signal), point


def _lines(path: Path, kind: type[Score]) -> Iterator[Score]:
    if not path.is_file():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, ValueError) as error:
                raise ScoreInputError(f"{path}, line {number}: not a score: {error}") from error


def _changes(path: Path) -> Iterator[Change]:
    decoder = msgspec.json.Decoder(Change)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            try:
                change = decoder.decode(line)
                to_milliseconds(change.timestamp)
            except (msgspec.DecodeError, ValueError, RecursionError):
                continue
            yield change
