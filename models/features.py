"""Features: the statistics of a window become signals. The names are those of `models/signals.py`."""

import numpy as np

from models.config import Limits
from models.drift_sample import Observed
from models.frame import Frame, FrameBuilder
from models.histogram import LINEAR_BINS, linear_centres, log_centres, quantile
from models.model_pane import SUMS, ModelPane
from models.telemetry_blob import SEPARATOR
from models.telemetry_pane import (
    FIRST,
    FIRST_TIME,
    INCREASE,
    LAST,
    LAST_TIME,
    SPAN,
    SQUARE,
    SUM,
    N,
    TelemetryPane,
)  # fmt: skip

#: Samples below which spread and slope of a metric say nothing.
ENOUGH = 5


def model_frame(pane: ModelPane, window_ms: int, limits: Limits) -> Frame:
    """Answer the signals of each service's model outputs in a window."""
    builder = FrameBuilder()
    size = len(pane.services)
    latency = {q: quantile(pane.latency, size, q / 100) for q in (50, 95, 99)}
    low_confidence = quantile(pane.confidence, size, 0.10)
    for row, service in enumerate(pane.services):
        subject, sums = f"service/{service}", dict(zip(SUMS, pane.sums[row].tolist(), strict=True))
        count = int(sums["n"])
        builder.add(subject, "rate", 1000 * count / window_ms, count, 1000 * np.sqrt(count) / window_ms)
        builder.add(subject, "error_rate", *_share(sums["errors"], count))
        if timed := int(sums["latency_n"]):
            builder.add(subject, "latency_ms.mean", sums["latency"] / timed, timed)
            for q, bins in latency.items():
                builder.add(subject, f"latency_ms.p{q}", float(log_centres(bins[row])), timed)
        if sure := int(sums["confidence_n"]):
            mean = sums["confidence"] / sure
            spread = np.sqrt(max(sums["confidence_sq"] / sure - mean**2, 0.0) / sure)
            builder.add(subject, "confidence.mean", mean, sure, float(spread))
            builder.add(subject, "confidence.p10", float(linear_centres(low_confidence[row])), sure)
        if numbers := int(sums["number_n"]):
            builder.add(subject, "prediction.mean", sums["number"] / numbers, numbers)
        _add_features(builder, subject, pane, row, int(sums["with_features"]), limits)
        _add_classes(builder, subject, pane, row, limits)
        builder.samples[subject] = _observed(pane, row)
    return builder.build()


def _share(part: float, whole: int) -> tuple[float, int, float]:
    """A share, its count, and its binomial sampling error (Agresti-Coull: never 0 at the ends)."""
    smoothed = (part + 1) / (whole + 2)
    return part / whole, whole, float(np.sqrt(smoothed * (1 - smoothed) / (whole + 2)))


def _add_classes(builder: FrameBuilder, subject: str, pane: ModelPane, row: int, limits: Limits) -> None:
    cells = pane.class_cells[pane.class_cells[:, 0] == row]
    total = int(cells[:, 2].sum())
    if not total:
        return
    shares = cells[:, 2] / total
    builder.add(subject, "class.entropy", float(-(shares * np.log(shares)).sum()), total, float(1 / np.sqrt(total)))
    commonest = np.lexsort((cells[:, 1], -cells[:, 2]))[: limits.max_classes]
    for _, code, count in cells[commonest]:
        builder.add(subject, f"class.{pane.classes[code]}.share", *_share(float(count), total))


def _add_features(
    builder: FrameBuilder, subject: str, pane: ModelPane, row: int, with_features: int, limits: Limits
) -> None:
    mine = np.flatnonzero(pane.feature_cells[:, 0] == row)[: limits.max_features]
    for cell in mine:
        name = pane.features[pane.feature_cells[cell, 1]]
        present, numbers, total = pane.feature_sums[cell]
        builder.add(subject, f"feature.{name}.missing_rate", *_share(with_features - present, with_features))
        if numbers:
            builder.add(subject, f"feature.{name}.mean", total / numbers, int(numbers))


def _observed(pane: ModelPane, row: int) -> Observed:
    """What drift and strange inputs are found in: a sample of vectors and predictions, and counts of all answers."""
    cells = pane.feature_cells[:, 0] == row
    columns = pane.feature_cells[cells, 1]
    names = [pane.features[column] for column in columns]
    confidence = pane.confidence[pane.confidence[:, 0] == row]
    classes = pane.class_cells[pane.class_cells[:, 0] == row]
    sums = dict(zip(SUMS, pane.sums[row].tolist(), strict=True))
    return Observed(
        features=names,
        vectors=pane.sample[pane.sample_rows == row][:, columns],
        # an error owes nobody its features, though it may carry them
        n=int(max(sums["n"] - sums["errors"], sums["with_features"])),
        with_features=int(sums["with_features"]),
        present=dict(zip(names, pane.feature_sums[cells, 0].astype(int).tolist(), strict=True)),
        confidence=np.bincount(confidence[:, 1], confidence[:, 2], LINEAR_BINS).astype(np.int64),
        classes={pane.classes[code]: count for code, count in classes[:, 1:].tolist()},
        predictions=pane.numbers[pane.number_rows == row],
    )


def telemetry_frame(pane: TelemetryPane, window_ms: int) -> Frame:
    """Answer the signals of each entity's metrics: level, and spread and slope where there are samples enough."""
    builder = FrameBuilder()
    services: dict[str, set[str]] = {}
    for row, name in enumerate(pane.names):
        subject, metric, kind, service = name.split(SEPARATOR)
        services.setdefault(subject, set()).update({service} - {""})
        stats = pane.stats[row]
        count = int(stats[N])
        if kind == "gauge":
            _add_gauge(builder, subject, metric, stats, count)
        elif kind == "counter" and stats[SPAN] > 0:
            builder.add(subject, metric, 1000 * stats[INCREASE] / stats[SPAN], count)
        elif kind == "delta":
            builder.add(subject, metric, 1000 * stats[SUM] / window_ms, count)
        elif kind == "event":
            builder.add(subject, metric, stats[SUM], count)
    builder.services = {subject: sorted(names) for subject, names in services.items()}
    return builder.build()


def _add_gauge(builder: FrameBuilder, subject: str, metric: str, stats: np.ndarray, count: int) -> None:  # type: ignore[type-arg]
    mean = stats[SUM] / count
    builder.add(subject, metric, mean, count)
    if count >= ENOUGH:
        variance = stats[SQUARE] / count - mean**2
        # below this the difference of two large sums is rounding, not spread
        spread = np.sqrt(variance) if variance > 1e-10 * mean**2 else 0.0
        builder.add(subject, f"{metric}.spread", float(spread), count)
        seconds = (stats[LAST_TIME] - stats[FIRST_TIME]) / 1000
        builder.add(subject, f"{metric}.slope", float((stats[LAST] - stats[FIRST]) / seconds), count)
