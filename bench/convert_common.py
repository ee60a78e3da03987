"""What the converters of public data share: the files they write, and where the data lies."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from models.records import Telemetry

ROOT = "CROSSTIDE_DATA"


class ConvertError(ValueError):
    """Data that cannot be converted; the message names the file and what is wrong."""


@dataclass(frozen=True)
class Written:
    """Counts of one output folder: samples written, and values left out because they were empty or not finite."""

    folder: Path
    samples: int
    left_out: int
    faults: int

    def __str__(self) -> str:
        return f"{self.folder}: {self.samples} samples, {self.left_out} empty values left out, {self.faults} labels"


def locate(argument: str) -> Path:
    """Return the path as given, or under the folder that CROSSTIDE_DATA names. Raises ConvertError."""
    tried = [Path(argument)]
    if root := os.environ.get(ROOT):
        tried.append(Path(root) / argument)
    for path in tried:
        if path.exists():
            return path
    hint = "" if root else f" (set {ROOT} to the folder of the public data to write shorter paths)"
    raise ConvertError(f"{argument}: not found{hint}")


def write_folder(
    folder: Path,
    records: Iterable[Telemetry],
    services: Mapping[str, Mapping[str, Sequence[str]]],
    faults: Sequence[Mapping[str, Any]] | None = None,
) -> Written:
    """Write `telemetry.jsonl`, `topology.yaml` and, where there are labels, `truth.json`.

    Records are written in their order; a value that is not finite is left out and counted. `services` maps a name to
    `on` (entities that carry it) and `calls` (services that it calls).
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = left_out = 0
    encoder = msgspec.json.Encoder()
    with (folder / "telemetry.jsonl").open("wb") as out:
        for record in records:
            if math.isfinite(record.value):
                out.write(encoder.encode(_named(record)) + b"\n")
                samples += 1
            else:
                left_out += 1
    # JSON is YAML, and needs no care about quoting
    (folder / "topology.yaml").write_text(json.dumps({"services": services}, indent=2) + "\n")
    if faults is not None:
        (folder / "truth.json").write_text(json.dumps({"schema_version": 1, "faults": list(faults)}, indent=2) + "\n")
    return Written(folder, samples, left_out, len(faults or []))


def main(convert: Callable[[Path, Path], list[Written]], usage: str, arguments: Sequence[str]) -> int:
    """Run a converter as a command: exit code 0, or 2 with one line on stderr."""
    if len(arguments) != 2:
        print(f"usage: {usage}", file=sys.stderr)
        return 2
    try:
        for written in convert(locate(arguments[0]), Path(arguments[1])):
            print(written)
    except (ConvertError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _named(record: Telemetry) -> dict[str, Any]:
    return {k: v for k, v in msgspec.structs.asdict(record).items() if v is not None and (k, v) != ("kind", "gauge")}
