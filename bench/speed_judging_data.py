"""Input for `bench.speed_judging`: windows of made-up services and nodes, about 25 signals each, and artifacts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from jobs.artifact_model import fit_forest
from models.artifact import Artifacts, SeriesBaseline, TrainedForest
from models.bucket import Bucket
from models.columns import pack, unpack
from models.config import Pipeline
from models.drift_fit import drift_profiles
from models.frame import Frame
from models.model_blob import pack_model_outputs
from models.records import ModelOutput, Telemetry
from models.scores import Judged, Stream
from models.series import SeriesTable
from models.telemetry_blob import pack_telemetry

T0 = 1_700_000_000_000
#: Records of a service in a pane; features of a request; metrics of a node, and samples of each in a pane.
REQUESTS, FEATURES, METRICS, SAMPLES = 10, 6, 8, 5
#: Panes that are made; the windows take them in turn.
POOL = 8
#: Panes that artifacts are learned from, and rows that each forest is fitted on and calibrated with.
REFERENCE, ROWS = 16, 1000
Blobs = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Case:
    """A bucket to measure; `trained`: without artifacts, with those of windows, or with forests for inputs too."""

    stream: Stream
    services: int
    trained: Literal["no", "yes", "inputs"]

    def __str__(self) -> str:
        return f"{self.stream}, {self.services} services, trained: {self.trained}"


@cache
def _pool(stream: Stream, services: int, pane_ms: int) -> list[bytes]:
    rng = np.random.default_rng(services)
    make = _outputs if stream == "model" else _samples
    return [make(services, pane_ms, rng) for _ in range(POOL)]


def window_blobs(case: Case, pipeline: Pipeline, windows: int) -> Iterator[tuple[int, Blobs]]:
    """Yield the number and the blobs (pane, bytes) of one window after the other."""
    pane_ms, each = pipeline.windows.pane, pipeline.windows.size // pipeline.windows.pane
    pool = _pool(case.stream, case.services, pane_ms)
    for window in range(windows):
        panes = range(window * each, (window + 1) * each)
        yield window, [(T0 + at * pane_ms, _moved(pool[at % POOL], T0 + at * pane_ms)) for at in panes]


def trained(case: Case, pipeline: Pipeline) -> Artifacts:
    """Learn baselines and distributions from a reference of the same kind; forests know independent residuals."""
    if case.trained == "no":
        return Artifacts.empty()
    frames = _frames(case, pipeline)
    signals = sorted(set(frames[0].signals))
    forests = [_forest(f"windows/{case.stream}", tuple(signals))]
    if case.trained == "inputs":
        one, names = _forest("inputs/any", tuple(f"f{at}" for at in range(FEATURES))), frames[0].by_subject.names
        forests += [TrainedForest(**{**vars(one), "name": f"inputs/{name.partition('/')[2]}"}) for name in names]
    drift = drift_profiles(frames, 0.9, pipeline.limits.max_features)
    inflation = dict.fromkeys(signals, 1.2)
    return Artifacts({one.name: one for one in forests}, _baselines(frames), inflation, (0, 1), "bench", drift)


def _frames(case: Case, pipeline: Pipeline) -> list[Frame]:
    found: list[Frame] = []

    def keep(table: SeriesTable, frame: Frame, _start: int, _end: int) -> tuple[SeriesTable, list[Judged]]:
        found.append(frame)
        return table, []

    bucket = Bucket[Any](case.stream, pipeline, keep)
    for _, blobs in window_blobs(case, pipeline, REFERENCE):
        bucket.close(None, blobs, blobs[0][0] + pipeline.windows.size)
    return found


def _baselines(frames: list[Frame]) -> dict[str, SeriesBaseline]:
    values: dict[str, list[float]] = {}
    for frame in frames:
        for key, value in zip(frame.keys, frame.values.tolist(), strict=True):
            values.setdefault(key, []).append(value)
    return {key: SeriesBaseline(float(np.median(v)), float(np.std(v)), len(v)) for key, v in values.items()}


@cache
def _forest(name: str, features: tuple[str, ...]) -> TrainedForest:
    rng = np.random.default_rng(1)
    train, calibrate = (rng.standard_t(8, (ROWS, len(features))) for _ in range(2))
    return fit_forest(name, train, calibrate, features, seed=1)[1]


def _outputs(services: int, pane_ms: int, rng: np.random.Generator) -> bytes:
    records = [
        ModelOutput(
            service=f"s{service:04d}",
            timestamp=0,
            request_id=f"{service}-{at}-{rng.integers(1 << 40)}",
            prediction=("a", "b", "c")[int(rng.integers(3))],
            confidence=float(rng.beta(8, 2)),
            latency_ms=float(rng.lognormal(3, 0.3)),
            features={f"f{number}": float(rng.normal()) for number in range(FEATURES)},
        )
        for service in range(services)
        for at in range(REQUESTS)
    ]
    times = rng.integers(pane_ms, size=len(records)).tolist()
    return pack_model_outputs(records, times, [0] * len(records))


def _samples(services: int, pane_ms: int, rng: np.random.Generator) -> bytes:
    records, times = [], []
    for service in range(services):
        for metric in range(METRICS):
            for at in range(SAMPLES):
                value, name = float(rng.normal(5, 1)), f"node.m{metric}.utilization"
                records.append(Telemetry(timestamp=0, node=f"n{service:04d}", metric=name, value=value))
                times.append(at * pane_ms // SAMPLES)
    return pack_telemetry(records, times, [0] * len(records))


def _moved(blob: bytes, by_ms: int) -> bytes:
    """Answer a blob of another time."""
    columns = unpack(blob)
    moved = "start" if "start" in columns else "time"
    return pack({**columns, moved: columns[moved].astype(np.int64) + by_ms})
