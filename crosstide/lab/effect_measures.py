"""What a bin of requests is judged by: values, which side is worse, and from where on it matters (see `effect`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

#: Fewer labelled answers than this say nothing about how right a service is.
LEAST_LABELLED = 10


class Request(NamedTuple):
    """What the test reads of one request; latency and confidence are None where there was no answer.

    `right`: whether the predicted class is that of the label; `off`: how far a predicted number is from the label's.
    Each is None where there is no such label.
    """

    at_ms: int
    latency_ms: float | None
    confidence: float | None
    failed: bool
    right: bool | None = None
    off: float | None = None


Rows = Sequence[Request]


class Measure(NamedTuple):
    """`value` of requests within so many seconds; `sign` +1 where more is worse; `floor` is relative or absolute.

    `spreads`: how many spreads of the quiet time it has to be worse by; `least`: the centre has to be so much.
    """

    value: Callable[[Rows, float], float]
    sign: int
    floor: float
    relative: bool = False
    spreads: float = 4.0
    least: float = 0.0


def _latency(share: float) -> Callable[[Rows, float], float]:
    def value(rows: Rows, _seconds: float) -> float:
        found = [r.latency_ms for r in rows if r.latency_ms is not None]
        return float(np.quantile(found, share)) if found else float("nan")

    return value


def _mean(values: list[float], least: int = 1) -> float:
    return float(np.mean(values)) if len(values) >= least else float("nan")


def _errors(rows: Rows, _seconds: float) -> float:
    return _mean([float(r.failed) for r in rows])


def _confidence(rows: Rows, _seconds: float) -> float:
    return _mean([r.confidence for r in rows if r.confidence is not None])


def _accuracy(rows: Rows, _seconds: float) -> float:
    return _mean([float(r.right) for r in rows if r.right is not None], LEAST_LABELLED)


def _off(rows: Rows, _seconds: float) -> float:
    return _mean([r.off for r in rows if r.off is not None], LEAST_LABELLED)


def _rate(rows: Rows, seconds: float) -> float:
    return len(rows) / seconds


#: The only measure that a fall of the load itself changes.
RATE = "rate"
MEASURES: Mapping[str, Measure] = {
    "error_rate": Measure(_errors, +1, 0.02),
    "latency_ms.p50": Measure(_latency(0.5), +1, 0.25, relative=True),
    "latency_ms.p95": Measure(_latency(0.95), +1, 0.50, relative=True),
    "confidence.mean": Measure(_confidence, -1, 0.05),
    "accuracy": Measure(_accuracy, -1, 0.10),
    "absolute_error.mean": Measure(_off, +1, 0.50, relative=True),
    RATE: Measure(_rate, -1, 0.50, relative=True, spreads=0.0, least=4.0),
}
