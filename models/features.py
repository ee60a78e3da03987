"""Features of model outputs: the statistics of a window become signals. The names are those of `models/signals.py`."""

import numpy as np

from models.columns import Array
from models.config import Limits
from models.drift_sample import Observed
from models.frame import Floats, Frame, Ints
from models.frame_build import FrameBuilder
from models.histogram import LINEAR_BINS, linear_centres, log_centres, quantile
from models.model_pane import SUMS, ModelPane
from models.name_codes import Names


def model_frame(pane: ModelPane, window_ms: int, limits: Limits) -> Frame:
    """Answer the signals of each service's model outputs in a window."""
    subjects = [f"service/{service}" for service in pane.services]
    columns = _Columns(pane, subjects, limits)
    columns.add_answers(window_ms)
    columns.add_features()
    columns.add_classes()
    columns.builder.samples = dict(zip(subjects, _observed(pane), strict=True))
    return columns.builder.build()


class _Columns:
    """Adds signals for all services [S] of a pane at once."""

    def __init__(self, pane: ModelPane, subjects: list[str], limits: Limits) -> None:
        self.builder = FrameBuilder()
        self._pane, self._subjects, self._limits = pane, subjects, limits
        self._sums = dict(zip(SUMS, pane.sums.T, strict=True))

    def add_answers(self, window_ms: int) -> None:
        """Add what every service has, and what stands behind latencies, confidences and numbers where there are any."""
        sums, pane, size = self._sums, self._pane, len(self._subjects)
        n = sums["n"]
        self._add("rate", 1000 * n / window_ms, n, 1000 * np.sqrt(n) / window_ms)
        self._add("error_rate", *_share(sums["errors"], n))
        timed, sure, numbers = sums["latency_n"], sums["confidence_n"], sums["number_n"]
        with np.errstate(invalid="ignore", divide="ignore"):  # of nothing there is no mean: the row is absent
            self._add("latency_ms.mean", sums["latency"] / timed, timed)
            for q in (50, 95, 99):
                told = log_centres(quantile(pane.latency, size, q / 100))
                self._add(f"latency_ms.p{q}", np.where(timed > 0, told, np.nan), timed)
            mean = sums["confidence"] / sure
            spread = np.sqrt(np.maximum(sums["confidence_sq"] / sure - mean**2, 0.0) / sure)
            self._add("confidence.mean", mean, sure, spread)
            told = linear_centres(quantile(pane.confidence, size, 0.10))
            self._add("confidence.p10", np.where(sure > 0, told, np.nan), sure)
            self._add("prediction.mean", sums["number"] / numbers, numbers)

    def add_features(self) -> None:
        """Add each service's features, the first by name if there are too many."""
        pane = self._pane
        keep = _rank(pane.feature_cells[:, 0]) < self._limits.max_features
        (rows, codes), (present, numbers, total) = pane.feature_cells[keep].T, pane.feature_sums[keep].T
        whole = self._sums["with_features"][rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            told = _share(whole - present, whole)
            self._add_cells([f"feature.{name}.missing_rate" for name in pane.features], rows, codes, *told)
            self._add_cells([f"feature.{name}.mean" for name in pane.features], rows, codes, total / numbers, numbers)

    def add_classes(self) -> None:
        """Add the mix of each service's classes: its entropy, and the shares of the commonest."""
        rows, codes, counts = self._pane.class_cells.T
        if not len(rows):
            return
        total = np.bincount(rows, counts, len(self._subjects))
        shares = counts / total[rows]
        known = np.flatnonzero(total)
        entropy = -_row_sums(rows, shares * np.log(shares))
        self._add_cells(["class.entropy"], known, 0 * known, entropy, total[known], 1 / np.sqrt(total[known]))
        order = np.lexsort((codes, -counts, rows))
        order = order[_rank(rows[order]) < self._limits.max_classes]
        names = [f"class.{name}.share" for name in self._pane.classes]
        self._add_cells(names, rows[order], codes[order], *_share(counts[order], total[rows[order]]))

    def _add(self, signal: str, values: Floats, counts: Floats, errors: Floats | None = None) -> None:
        """Add one signal of every service; NaN where a service has none."""
        rows = np.arange(len(self._subjects))
        self._add_cells([signal], rows, 0 * rows, values, counts, errors)

    def _add_cells(
        self, names: list[str], rows: Ints, codes: Ints, values: Array, counts: Array, errors: Array | None = None
    ) -> None:
        """Add values [k] of the signals `names[codes]` of the services `rows`."""
        self.builder.extend(Names(self._subjects, rows), Names(names, codes), values, counts, errors)


def _share(part: Array, whole: Array) -> tuple[Floats, Array, Floats]:
    """Shares, their counts, and their binomial sampling errors (Agresti-Coull: never 0 at the ends)."""
    smoothed = (part + 1) / (whole + 2)
    return part / whole, whole, np.sqrt(smoothed * (1 - smoothed) / (whole + 2))


def _rank(rows: Ints) -> Ints:
    """Answer the place of each cell among those of its row; `rows` ascend."""
    return np.asarray(np.arange(len(rows)) - np.searchsorted(rows, rows))


def _row_sums(rows: Ints, values: Floats) -> Floats:
    """Sum values by row, rows ascending: the sums of the rows that have any, as numpy adds each row alone."""
    starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    sizes = np.diff(np.append(starts, len(rows)))
    sums = np.zeros(len(starts))
    for size in np.unique(sizes).tolist():
        alike = np.flatnonzero(sizes == size)
        sums[alike] = values[starts[alike][:, None] + np.arange(size)].sum(axis=1)
    return sums


def _observed(pane: ModelPane) -> list[Observed]:
    """What drift and strange inputs are found in: a sample of vectors and predictions, and counts of all answers."""
    size = len(pane.services)
    n, errors, with_features = (
        pane.sums[:, SUMS.index(name)].astype(np.int64).tolist() for name in ("n", "errors", "with_features")
    )
    confidence = np.zeros((size, LINEAR_BINS), np.int64)
    confidence[pane.confidence[:, 0], pane.confidence[:, 1]] = pane.confidence[:, 2]
    features, classes = _cuts(pane.feature_cells[:, 0], size), _cuts(pane.class_cells[:, 0], size)
    samples, numbers = _cuts(pane.sample_rows, size), _cuts(pane.number_rows, size)
    codes, present = pane.feature_cells[:, 1].tolist(), pane.feature_sums[:, 0].astype(np.int64).tolist()
    cells = [(pane.classes[code], count) for code, count in pane.class_cells[:, 1:].tolist()]
    observed = []
    for row in range(size):
        mine, known = slice(features[row], features[row + 1]), codes[features[row] : features[row + 1]]
        names = [pane.features[code] for code in known]
        vectors = pane.sample[samples[row] : samples[row + 1]]
        observed.append(
            Observed(
                features=names,
                vectors=vectors if len(known) == len(pane.features) else vectors[:, known],
                # an error owes nobody its features, though it may carry them
                n=max(n[row] - errors[row], with_features[row]),
                with_features=with_features[row],
                present=dict(zip(names, present[mine], strict=True)),
                confidence=confidence[row],
                classes=dict(cells[classes[row] : classes[row + 1]]),
                predictions=pane.numbers[numbers[row] : numbers[row + 1]],
            )
        )
    return observed


def _cuts(rows: Ints, size: int) -> list[int]:
    """Where the cells of each row begin, and the end; `rows` ascend."""
    return [int(cut) for cut in np.searchsorted(rows, np.arange(size + 1))]
