"""When requests first suffered from a fault, by a plain test on raw requests: no detector of Crosstide takes part.

For each service, time is cut into bins of 5 s counted from the start of the fault. A bin has four measures: the share
of errors, the median and the 95th percentile of latency, and the mean confidence. Each is compared with the bins of
the quiet time before the fault (at most 60 s): centre = their median, spread = 1.4826 x their median absolute
deviation. A bin *suffers* in a measure when it is worse than the centre by more than 4 spreads **and** by more than a
floor: error share +0.02, median latency +25 %, 95th percentile +50 % (few requests lie behind one), confidence -0.05.
The effect begins with the first of two consecutive suffering bins that lie wholly within the fault. Among measures
that begin in the same bin, the one furthest beyond its floor is named; it is given before and during (from the
beginning of the effect to the end of the fault). No such pair of bins: the fault hurt nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BIN_MS = 5_000
BINS_BEFORE = 12
LEAST_BINS_BEFORE = 3
SPREADS = 4.0


class Request(NamedTuple):
    """What the test reads of one request; latency and confidence are None where there was no answer."""

    at_ms: int
    latency_ms: float | None
    confidence: float | None
    failed: bool


class Effect(NamedTuple):
    """The first suffering: since when (ms since 1970), of which service, in which measure, before and during."""

    at_ms: int
    service: str
    measure: str
    before: float
    during: float


class Measure(NamedTuple):
    """`value` of a bin; `sign` +1 where more is worse; `floor` is relative to the centre or absolute."""

    value: Callable[[Sequence[Request]], float]
    sign: int
    floor: float
    relative: bool


def _latency(share: float) -> Callable[[Sequence[Request]], float]:
    return lambda rows: _or_nan(
        [r.latency_ms for r in rows if r.latency_ms is not None], lambda v: np.quantile(v, share)
    )


def _confidence(rows: Sequence[Request]) -> float:
    return _or_nan([r.confidence for r in rows if r.confidence is not None], np.mean)


def _errors(rows: Sequence[Request]) -> float:
    return _or_nan([float(r.failed) for r in rows], np.mean)


def _or_nan(values: list[float], fold: Callable[[list[float]], object]) -> float:
    return float(fold(values)) if values else float("nan")  # type: ignore[arg-type]


MEASURES = {
    "error_rate": Measure(_errors, +1, 0.02, relative=False),
    "latency_ms.p50": Measure(_latency(0.5), +1, 0.25, relative=True),
    "latency_ms.p95": Measure(_latency(0.95), +1, 0.50, relative=True),
    "confidence.mean": Measure(_confidence, -1, 0.05, relative=False),
}


def first_effect(requests: Mapping[str, Sequence[Request]], start: int, end: int, quiet_from: int) -> Effect | None:
    """Test one fault (`start`, `end`, and since when it was quiet before, all ms since 1970).

    ValueError where the quiet time holds fewer than three bins, for then nothing can be said.
    """
    before = min((start - quiet_from) // BIN_MS, BINS_BEFORE)
    if before < LEAST_BINS_BEFORE:
        raise ValueError(f"only {before} bins of quiet before the fault: too few to compare with")
    found: list[tuple[int, float, Effect]] = []
    for service, rows in sorted(requests.items()):
        bins = _bins(rows, start, -before, (end - start) // BIN_MS)
        for name, measure in MEASURES.items():
            values = np.array([measure.value(b) for b in bins])
            hit = _first_pair(values, before, measure)
            if hit is not None:
                at = start + hit[0] * BIN_MS
                during = measure.value([r for r in rows if at <= r.at_ms < end])
                found.append((at, -hit[1], Effect(at, service, name, float(np.nanmedian(values[:before])), during)))
    return min(found)[2] if found else None


def _bins(rows: Sequence[Request], start: int, first: int, last: int) -> list[list[Request]]:
    bins: list[list[Request]] = [[] for _ in range(last - first)]
    for row in rows:
        index = (row.at_ms - start) // BIN_MS - first
        if 0 <= index < len(bins):
            bins[index].append(row)
    return bins


def _first_pair(values: NDArray[np.float64], before: int, measure: Measure) -> tuple[int, float] | None:
    """Find the first of two suffering bins: its number from the start of the fault, and its excess in floors."""
    quiet = values[:before][~np.isnan(values[:before])]
    if len(quiet) < LEAST_BINS_BEFORE:
        return None
    centre = float(np.median(quiet))
    spread = 1.4826 * float(np.median(np.abs(quiet - centre)))
    floor = measure.floor * centre if measure.relative else measure.floor
    worse = measure.sign * (values[before:] - centre)
    suffers = (worse > SPREADS * spread) & (worse > floor)
    pairs = np.flatnonzero(suffers[:-1] & suffers[1:])
    return (int(pairs[0]), float(worse[pairs[0]]) / floor) if len(pairs) else None
