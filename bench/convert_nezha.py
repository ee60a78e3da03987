"""Turn one day of Nezha into telemetry: `python -m bench.convert_nezha DAY_DIR OUT_DIR`.

Source: github.com/IntelligentDDS/Nezha, Online Boutique: `DAY_DIR/metric/*_metric.csv`, one file a pod, one row a
minute; `front_service.csv`, the shop from outside; `dependency.csv`, who calls whom; `DAY_DIR/*-fault_list.json` on a
day with faults. A pod's service is its name without the two ids that Kubernetes adds. The data gives no end of a
fault: LENGTH_MS is assumed (the front latency of the first fault is back to normal six minutes after it), said in the
truth as `end_assumed`, and the effect is taken to begin with the fault.
"""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from heapq import merge
from pathlib import Path
from typing import Any

from bench.convert_common import ConvertError, Written, main, write_folder
from bench.nezha_names import CATEGORIES, FRONT, POD
from models.records import Telemetry
from models.times import to_iso

LENGTH_MS = 360_000
Columns = Mapping[str, tuple[str, str, float]]


def convert(day: Path, output: Path) -> list[Written]:
    """Convert one day. Raises ConvertError where it holds no pods or a file has another shape."""
    files = sorted((day / "metric").glob("*_metric.csv"))
    if not files:
        raise ConvertError(f"{day}: no metric/*_metric.csv: not a day of Nezha")
    pods = [file.name.removesuffix("_metric.csv") for file in files]
    parts = [_pod(file, pod) for file, pod in zip(files, pods, strict=True)]
    front = day / "metric" / "front_service.csv"
    if front.is_file():
        parts.append(_rows(front, FRONT, "frontend", None))
    ordered = merge(*parts, key=lambda record: record.timestamp)
    return [write_folder(output, ordered, _services(pods, day / "metric" / "dependency.csv"), _faults(day))]


def service_of(pod: str) -> str:
    """Name the service of a pod.

    >>> service_of("frontend-579b9bff58-t2dbm")
    'frontend'
    """
    return pod.rsplit("-", 2)[0]


def _pod(file: Path, pod: str) -> list[Telemetry]:
    return _rows(file, POD, service_of(pod), pod)


def _rows(file: Path, columns: Columns, service: str, pod: str | None) -> list[Telemetry]:
    with file.open(newline="") as lines:
        rows = [record for row in csv.DictReader(lines) for record in _row(file, row, columns, service, pod)]
    return sorted(rows, key=lambda record: record.timestamp)


def _row(file: Path, row: Mapping[str, str], columns: Columns, service: str, pod: str | None) -> Iterator[Telemetry]:
    try:
        at_ms = int(row["TimeStamp"]) * 1000
        # an empty cell is a missing value, which the writer leaves out and counts
        values = [(float(row[column] or "nan"), *rest) for column, rest in columns.items() if column in row]
    except (KeyError, TypeError, ValueError) as error:
        raise ConvertError(f"{file}: not metrics of Nezha: {error!r}") from error
    for value, metric, unit, scale in values:
        yield Telemetry(timestamp=at_ms, metric=metric, value=value * scale, unit=unit, service=service, pod=pod)


def _services(pods: list[str], dependencies: Path) -> dict[str, dict[str, list[str]]]:
    services: dict[str, dict[str, list[str]]] = {}
    for pod in pods:
        services.setdefault(service_of(pod), {"on": [], "calls": []})["on"].append(f"pod/{pod}")
    if dependencies.is_file():
        with dependencies.open(newline="") as lines:
            for row in csv.DictReader(lines):
                # the list also names bare addresses outside the shop, of which there is no telemetry
                if row["Source"] in services and row["Target"] in services:
                    services[row["Source"]]["calls"].append(row["Target"])
    return services


def _faults(day: Path) -> list[dict[str, Any]] | None:
    lists = sorted(day.glob("*fault_list.json"))
    if not lists:
        return None
    injected = [fault for hour in json.loads(lists[0].read_text()).values() for fault in hour]
    injected.sort(key=lambda fault: int(fault["inject_timestamp"]))
    return [_fault(number, fault) for number, fault in enumerate(injected, 1)]


def _fault(number: int, injected: Mapping[str, str]) -> dict[str, Any]:
    start, pod = int(injected["inject_timestamp"]) * 1000, injected["inject_pod"]
    return {
        "id": f"fault-{number:02d}",
        "kind": injected["inject_type"],
        "trap": False,
        "start": to_iso(start),
        "end": to_iso(start + LENGTH_MS),
        "end_assumed": True,
        "intensity": None,
        "categories": CATEGORIES.get(injected["inject_type"], ["unknown"]),
        "entities": [f"pod/{pod}", f"service/{service_of(pod)}"],
        "effect_at": to_iso(start),
        "effect": None,
    }


if __name__ == "__main__":
    sys.exit(main(convert, __doc__.splitlines()[0].split("`")[1], sys.argv[1:]))
