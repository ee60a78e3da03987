"""A slice of the shipped recording, as lines that can be shuffled and poisoned, and runs of the job over them."""

import gzip
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from crosstide.progress import Progress
from crosstide.run import RunRequest, run
from models.times import to_milliseconds
from tests.poison import Line
from tests.small_recording import recording

#: The slice holds the first two faults.
SLICE_MS = 240_000
#: What makes two records of a topic duplicates, as the recording writes them.
IDENTITY = {
    "model-outputs": ("service", "request_id", "timestamp"),
    "telemetry": ("node", "service", "metric", "timestamp"),
}
#: Deep, but no deeper than a parser may be asked to go: no fault of a message.
DEEP = b'{"deep":' + b"[" * 500 + b"]" * 500 + b","


@dataclass(frozen=True)
class Ran:
    """A finished run: its folder and its summary."""

    output: Path
    summary: dict[str, Any]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Answer the lines of one of its files."""
        with (self.output / f"{name}.jsonl").open("rb") as lines:
            return [json.loads(line) for line in lines]

    def incidents(self) -> list[bytes]:
        """Answer the incidents' lines without the one field of processing time."""
        events = self.lines("incidents")
        return [json.dumps({k: v for k, v in event.items() if k != "recordedtime"}).encode() for event in events]


def cut(topic: str, milliseconds: int = SLICE_MS) -> list[Line]:
    """Answer the first part of a topic of the faulty recording."""
    with gzip.open(recording() / "faulty" / f"{topic}.jsonl.gz", "rb") as file:
        lines = [_line(topic, value.rstrip(b"\n")) for value in file]
    start = json.loads((recording() / "faulty" / "truth.json").read_bytes())["started_at"]
    return [line for line in lines if (line.time or 0) < to_milliseconds(start) + milliseconds]


def _line(topic: str, value: bytes) -> Line:
    body = json.loads(value)
    names = {
        "model-outputs": ("service", "request_id", "timestamp"),
        "telemetry": ("node", "service", "metric", "timestamp"),
    }
    identity = tuple(body.get(name) for name in names[topic]) if topic in names else None
    return Line(value, to_milliseconds(body["timestamp"]), "scored", identity)


def labels(outputs: list[Line], count: int) -> list[Line]:
    """Answer labels for the first answers of models; the recording has none of its own."""
    answer = []
    for line in outputs[:count]:
        body = {**json.loads(line.value), "label": True}
        label = {name: body[name] for name in ("service", "request_id", "timestamp", "label")}
        answer.append(Line(json.dumps(label).encode(), line.time, "dropped_by_policy"))
    return answer


def write_input(folder: Path, topics: Mapping[str, list[Line]]) -> Path:
    """Write lines as an input folder, with the recording's topology."""
    folder.mkdir()
    shutil.copy(recording() / "faulty" / "topology.yaml", folder)
    for topic, lines in topics.items():
        (folder / f"{topic}.jsonl").write_bytes(b"".join(line.value + b"\n" for line in lines))
    return folder


def run_on(folder: Path, topics: Mapping[str, list[Line]], artifacts: Path | None) -> Ran:
    """Run the job over lines; `folder` receives input and output."""
    folder.mkdir()
    source, output = write_input(folder / "in", topics), folder / "out"
    request = RunRequest(source, output, artifacts, None, [])
    return Ran(output, run(request, Progress(Console(file=io.StringIO()))))
