"""Turn one ASD server into telemetry: `python -m bench.convert_asd omi-1.npz OUT_DIR`.

Source: github.com/zhhlee/InterFusion. The npz holds `train` (n, metrics), `test` (m, metrics) and `label` (m,), each
5 minutes apart, without times: the train part starts on 2020-01-01, the test part follows it. Written to
OUT_DIR/train and OUT_DIR/test, one service on one node, metrics `metric_01`, `metric_02`, ... The truth of the test
part names for each labelled run the metrics that caused it (`interpretation_label/NAME.txt`, where it is).
"""

import sys
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.convert_common import ConvertError, Written, main, write_folder
from models.records import Telemetry
from models.times import to_iso, to_milliseconds

STEP_MS = 300_000
START_MS = to_milliseconds("2020-01-01T00:00:00Z")


def convert(source: Path, output: Path) -> list[Written]:
    """Convert one server's npz. Raises ConvertError for a file of another shape."""
    train, test, label = _load(source)
    name = source.stem
    services = {name: {"on": [f"node/{name}"], "calls": []}}
    test_start = START_MS + len(train) * STEP_MS
    faults = _faults(name, label, test_start, _causes(source.parent / "interpretation_label" / f"{name}.txt"))
    return [
        write_folder(output / "train", _records(name, train, START_MS), services),
        write_folder(output / "test", _records(name, test, test_start), services, faults),
    ]


def _load(source: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    try:
        with np.load(source, allow_pickle=False) as stored:
            train, test, label = stored["train"], stored["test"], stored["label"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConvertError(f"{source}: not a server of ASD: {error}") from error
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1] or label.shape != test.shape[:1]:
        raise ConvertError(f"{source}: shapes {train.shape}, {test.shape}, {label.shape} do not belong together")
    return train, test, label


def _records(name: str, values: NDArray[Any], start_ms: int) -> Iterator[Telemetry]:
    metrics = [f"metric_{number:02d}" for number in range(1, values.shape[1] + 1)]
    for step, row in enumerate(values.tolist()):
        at_ms = start_ms + step * STEP_MS
        for metric, value in zip(metrics, row, strict=True):
            yield Telemetry(timestamp=at_ms, service=name, node=name, metric=metric, value=value)


def _causes(path: Path) -> dict[int, list[str]]:
    """Read `first-last:id,id,...` lines: first labelled step -> metrics."""
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text().splitlines():
        steps, _, ids = line.partition(":")
        if ids:
            found[int(steps.partition("-")[0])] = [f"metric_{int(number):02d}" for number in ids.split(",")]
    return found


def _faults(name: str, label: NDArray[Any], start_ms: int, causes: dict[int, list[str]]) -> list[dict[str, Any]]:
    faults = []
    for strange, steps in groupby(range(len(label)), key=lambda step: bool(label[step])):
        run = list(steps)
        if strange:
            faults.append(_fault(name, start_ms + run[0] * STEP_MS, len(run), causes.get(run[0], [])))
    return [{"id": f"run-{number}"} | fault for number, fault in enumerate(faults, 1)]


def _fault(name: str, start: int, steps: int, metrics: list[str]) -> dict[str, Any]:
    return {
        "kind": "asd_label",
        "trap": False,
        "start": to_iso(start),
        "end": to_iso(start + steps * STEP_MS),
        "intensity": None,
        "categories": [],
        "entities": [f"node/{name}", f"service/{name}"],
        "effect_at": to_iso(start),
        "effect": None,
        "metrics": metrics,
    }


if __name__ == "__main__":
    sys.exit(main(convert, __doc__.splitlines()[0].split("`")[1], sys.argv[1:]))
