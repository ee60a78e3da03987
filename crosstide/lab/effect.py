"""When requests first suffered from a fault, by a plain test on raw requests: no detector of Crosstide takes part.

Asked are the services within the fault's reach: those of its target, and their callers. For each, time is cut into
bins of 5 s counted from the start of the fault. A bin has seven measures: the share of errors (a request without an
answer is one), the median and the 95th percentile of latency, the mean confidence, the share of right classes and the
mean distance of numbers from the truth (both by the labels that came later, from 10 labelled answers on), and the
requests per second. Each is compared with the bins of the quiet time before the fault (at most the last 12; of faults
that overlap, the quiet time before the first of them): centre = their median, spread = 1.4826 x their median absolute
deviation. A bin *suffers* in a measure when it is worse than the centre by more than 4 spreads **and** by more than a
floor: error share +0.02, median latency +25 %, 95th percentile +50 % (few requests lie behind one), confidence -0.05,
right classes -0.10, distance from the truth +50 %. Requests per second stand for traffic that is lost, of which nobody
has a record: they suffer when under half of the centre is left, whatever the spread, where the centre is at least 4
(a Poisson count of 20 a bin hardly ever halves by chance). They are not asked while a trap goes on, for in a trap the
load may fall on purpose.

The effect begins with the first of two consecutive suffering bins that lie wholly within the fault. Among measures
that begin in the same bin, the one furthest beyond its floor is named; it is given before and during (from the
beginning of the effect to the end of the fault). No such pair of bins: the fault hurt nobody. The requests have
*recovered* at the end of the last pair of suffering bins of what suffered within the fault; this is followed for 60 s
after the fault, or until the next one.

Lost telemetry hurts no request. There the effect is the silence itself (`telemetry_effect`): it begins with the last
reading before a gap of 3 s or more (at one reading a second), given as readings per second before and during.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosstide.lab.effect_measures import MEASURES, Measure, Request

BIN_MS = 5_000
BINS_BEFORE = 12
LEAST_BINS_BEFORE = 3
SILENT_MS = 3_000


class Span(NamedTuple):
    """When a fault was, when it was quiet before, and until when its end is followed; ms since 1970."""

    start: int
    end: int
    quiet_from: int
    quiet_to: int
    until: int


class Effect(NamedTuple):
    """The first suffering: since when (ms since 1970), of which service, in which measure, before and during.

    `recovered_ms`: the end of the last suffering.
    """

    at_ms: int
    service: str
    measure: str
    before: float
    during: float
    recovered_ms: int


def first_effect(
    requests: Mapping[str, Sequence[Request]],
    span: Span,
    services: Collection[str],
    measures: Mapping[str, Measure] = MEASURES,
) -> Effect | None:
    """Test one fault on the requests of these services.

    ValueError where the quiet time holds fewer than three bins, for then nothing can be said.
    """
    quiet = _quiet_bins(span)
    found: list[tuple[int, float, Effect]] = []
    for service in sorted(requests.keys() & set(services)):
        rows = requests[service]
        calm, since = (_bins(rows, span.start, n) for n in (quiet, range((span.until - span.start) // BIN_MS)))
        for name, measure in measures.items():
            suffers, excess, centre = _suffering(_values(measure, calm), _values(measure, since), measure)
            pairs = np.flatnonzero(suffers[:-1] & suffers[1:])
            within = pairs[(pairs + 2) * BIN_MS <= span.end - span.start]
            if len(within):
                at, over = (span.start + int(n) * BIN_MS for n in (within[0], pairs[-1] + 2))
                during = measure.value([r for r in rows if at <= r.at_ms < span.end], (span.end - at) / 1000)
                found.append((at, -float(excess[within[0]]), Effect(at, service, name, centre, during, over)))
    if not found:
        return None
    return min(found)[2]._replace(recovered_ms=max(effect.recovered_ms for _, _, effect in found))


def telemetry_effect(entity: str, times_ms: Sequence[int], span: Span) -> Effect | None:
    """Test one fault on the times of an entity's readings, in order; None where it had none before, or no gap."""
    quiet_from = max(span.quiet_from, span.quiet_to - BINS_BEFORE * BIN_MS)
    before = sum(quiet_from <= at < span.quiet_to for at in times_ms)
    edges = [span.start, *(at for at in times_ms if span.start < at < span.until), span.until]
    gaps = [(one, other) for one, other in pairwise(edges) if other - one >= SILENT_MS and one < span.end]
    if not before or not gaps:
        return None
    at = gaps[0][0]
    during = sum(at < time < span.end for time in times_ms) * 1000 / (span.end - at)
    rate = before * 1000 / (span.quiet_to - quiet_from)
    return Effect(at, entity, "telemetry.rate", rate, during, gaps[-1][1])


def _quiet_bins(span: Span) -> range:
    """Number the bins that lie wholly within the quiet time; the fault begins with bin 0."""
    last = (span.quiet_to - span.start) // BIN_MS
    first = max(-((span.start - span.quiet_from) // BIN_MS), last - BINS_BEFORE)
    if last - first < LEAST_BINS_BEFORE:
        raise ValueError(f"only {max(last - first, 0)} bins of quiet before the fault: too few to compare with")
    return range(first, last)


def _bins(rows: Sequence[Request], start: int, numbers: range) -> list[list[Request]]:
    bins: list[list[Request]] = [[] for _ in numbers]
    for row in rows:
        index = (row.at_ms - start) // BIN_MS - numbers.start
        if 0 <= index < len(bins):
            bins[index].append(row)
    return bins


def _values(measure: Measure, bins: Sequence[Sequence[Request]]) -> NDArray[np.float64]:
    return np.array([measure.value(rows, BIN_MS / 1000) for rows in bins])


def _suffering(
    before: NDArray[np.float64], after: NDArray[np.float64], measure: Measure
) -> tuple[NDArray[np.bool_], NDArray[np.float64], float]:
    """Say which bins suffer, how many floors each is worse by, and the centre of the quiet time."""
    quiet = before[~np.isnan(before)]
    centre = float(np.median(quiet)) if len(quiet) >= LEAST_BINS_BEFORE else float("nan")
    floor = measure.floor * centre if measure.relative else measure.floor
    if not (centre >= measure.least and floor > 0):
        return np.zeros(len(after), dtype=bool), np.zeros(len(after)), centre
    spread = 1.4826 * float(np.median(np.abs(quiet - centre)))
    worse = measure.sign * (after - centre)
    return (worse > measure.spreads * spread) & (worse > floor), worse / floor, centre
