"""Turn one NAB series into telemetry: `python -m bench.convert_nab SERIES.csv OUT_DIR`.

Source: github.com/numenta/NAB, `timestamp,value` in UTC each 5 minutes; repeated timestamps are kept as they are. One
service, named as the file; one metric, named as the file without its machine id. Labels are read from
`labels/combined_windows.json` and `labels/combined_labels.json` two folders up, where they are: a fault is a window,
and its effect the first labelled moment inside.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.convert_common import ConvertError, Written, main, write_folder
from models.records import Telemetry
from models.times import to_iso, to_milliseconds


def convert(series: Path, output: Path) -> list[Written]:
    """Convert one series. Raises ConvertError for a file of another shape."""
    records = sorted(_records(series), key=lambda record: record.timestamp)
    return [write_folder(output, records, {series.stem: {"on": [], "calls": []}}, _faults(series))]


def metric_name(stem: str) -> str:
    """Drop the machine id that ends most names.

    >>> metric_name("ec2_cpu_utilization_24ae8d")
    'ec2_cpu_utilization'
    """
    return re.sub(r"_[0-9a-f]{6}$", "", stem)


def _records(series: Path) -> Iterator[Telemetry]:
    with series.open(newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            try:
                at_ms, value = to_milliseconds(row["timestamp"]), float(row["value"])
            except (KeyError, TypeError, ValueError) as error:
                raise ConvertError(f"{series}, line {number}: not `timestamp,value`: {error}") from error
            yield Telemetry(timestamp=at_ms, service=series.stem, metric=metric_name(series.stem), value=value)


def _faults(series: Path) -> list[dict[str, Any]] | None:
    labels = series.parent.parent / "labels"
    if not (labels / "combined_windows.json").is_file():
        return None
    key = f"{series.parent.name}/{series.name}"
    windows = json.loads((labels / "combined_windows.json").read_text()).get(key, [])
    moments = sorted(map(to_milliseconds, json.loads((labels / "combined_labels.json").read_text()).get(key, [])))
    return [
        _fault(series, number, to_milliseconds(start), to_milliseconds(end), moments)
        for number, (start, end) in enumerate(windows, 1)
    ]


def _fault(series: Path, number: int, start: int, end: int, moments: list[int]) -> dict[str, Any]:
    effect = next((moment for moment in moments if start <= moment <= end), start)
    return {
        "id": f"window-{number}",
        "kind": "nab_window",
        "trap": False,
        "start": to_iso(start),
        "end": to_iso(end),
        "intensity": None,
        "categories": [],
        "entities": [f"service/{series.stem}"],
        "effect_at": to_iso(effect),
        "effect": None,
    }


if __name__ == "__main__":
    sys.exit(main(convert, __doc__.splitlines()[0].split("`")[1], sys.argv[1:]))
