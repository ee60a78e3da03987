"""Builders for the tests of the core: records as bytes, what a batch answered, frames, and a scorer over windows."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from sklearn.ensemble import IsolationForest

from models.artifact import Artifacts, TrainedForest
from models.batch import Arrival, BatchReader
from models.config import Pipeline
from models.forest_build import Tree, flat_forest
from models.frame import Floats, Frame
from models.frame_build import FrameBuilder
from models.intake import TopicName
from models.packets import COUNTS, Account, DeadLetter, Packet
from models.scorer import Scorer
from models.scores import Judged, Stream
from models.series import SeriesTable
from models.tail import Tail

T0 = 1_700_000_000_000
PIPELINE = Pipeline()
SIGNALS = ("node.cpu.utilization", "node.disk.io", "node.memory.utilization")


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def output(**fields: Any) -> bytes:
    """A model output that is right, but for `fields`."""
    return line(**{"service": "checkout", "timestamp": T0, "request_id": "r1", **fields})


def sample(**fields: Any) -> bytes:
    """A telemetry sample that is right, but for `fields`."""
    return line(**{"timestamp": T0, "metric": "cpu", "value": 1.0, "node": "n1", **fields})


def arrival(value: bytes | None, at: int = T0, partition: int = 0, late: bool = False, ahead: bool = False) -> Arrival:
    return Arrival(value, at, partition, 7, late, ahead)


def read(topic: TopicName, arrivals: Sequence[Arrival], pipeline: Pipeline = PIPELINE) -> list[Packet]:
    return BatchReader(topic, pipeline).read(list(arrivals))


def letters(packets: Iterable[Packet]) -> list[DeadLetter]:
    return [msgspec.json.decode(p.value, type=DeadLetter) for p in packets if p.topic == "dead-letters"]


def accounts(packets: Iterable[Packet]) -> dict[int, Counter[str]]:
    """Partition -> summed counts of every account among the packets."""
    sums: dict[int, Counter[str]] = {}
    for packet in packets:
        if packet.topic == "account":
            account = msgspec.msgpack.decode(packet.value, type=Account)
            count = sums.setdefault(account.partition, Counter())
            count.update({name: getattr(account, name) for name in COUNTS})
    return sums


def frame_of(values: Mapping[tuple[str, str], float], count: int = 100) -> Frame:
    """(subject, signal) -> value; NaN is absent."""
    builder = FrameBuilder()
    for (subject, signal), value in values.items():
        builder.add(subject, signal, value, count)
    return builder.build()


def frames_of(matrix: Floats, subject: str = "node/n1", signals: Sequence[str] = SIGNALS) -> list[Frame]:
    """[windows, signals] -> a frame for each window; NaN is absent."""
    return [frame_of(dict(zip([(subject, s) for s in signals], row, strict=True))) for row in matrix.tolist()]


class Play:
    """A scorer over windows 0, 1, 2 ... of 10 s; a window without a frame passes in silence."""

    def __init__(self, pipeline: Pipeline = PIPELINE, artifacts: Artifacts | None = None, stream: Stream = "infra"):
        self.scorer = Scorer.of(stream, pipeline, artifacts or Artifacts.empty())
        self.table = SeriesTable.empty()
        self.end_ms = T0

    def window(self, frame: Frame | None) -> list[Judged]:
        start_ms, self.end_ms = self.end_ms, self.end_ms + 10_000
        if frame is None:
            return []
        self.table, judged = self.scorer.judge(self.table, frame, start_ms, self.end_ms)
        return judged

    def fused(self, frames: Iterable[Frame | None]) -> list[float]:
        """The fused score of the only subject, window by window; NaN where nothing was judged."""
        return [judged[0].scores[0].score if (judged := self.window(frame)) else float("nan") for frame in frames]


def only(kind: str, rules: Sequence[Mapping[str, Any]] = (), **options: Any) -> Pipeline:
    """A configuration with one detector."""
    entry = [{"kind": kind, **options}]
    return Pipeline.model_validate({"detectors": {"model": entry, "infra": entry}, "rules": list(rules)})


def trained_forest(name: str, features: Sequence[str], seed: int = 1) -> TrainedForest:
    """A real isolation forest, fitted by scikit-learn on heavy-tailed noise, calibrated on other noise."""
    noise = np.random.default_rng(seed)
    fitted = IsolationForest(n_estimators=50, max_samples=128, random_state=seed).fit(
        noise.standard_t(8, (1000, len(features)))
    )
    trees = [tree.tree_ for tree in fitted.estimators_]
    nodes = [Tree(t.children_left, t.children_right, t.feature, t.threshold, t.n_node_samples) for t in trees]
    forest = flat_forest(nodes, len(features), 128, float(fitted.offset_))
    raw = forest.score(noise.standard_t(8, (1000, len(features))))
    neutral = np.zeros(len(features))
    return TrainedForest(name, tuple(features), forest, Tail.of(raw), float(np.quantile(raw, 0.99)), neutral, "a" * 64)


def with_forest() -> Artifacts:
    """Artifacts with a forest for the windows of each stream."""
    streams = ("model", "infra")
    return Artifacts({f"windows/{s}": trained_forest(f"windows/{s}", SIGNALS) for s in streams}, {}, {}, (0, 1), "test")
