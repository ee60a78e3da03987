"""From the event that ends a window to its verdict on the topic, on a paced stream.

A window ends when every partition has shown a record as late as its end plus the allowed disorder. The feeders log
when they sent each record; the reader reads committed records. All clocks are one machine's.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.speed_data import Kind, Load
from bench.speed_live import DISORDER_MS
from models.times import to_milliseconds

#: A feeder's log: event times (ms) and when each message was sent (ns), in order.
Log = tuple[list[int], list[int]]
#: (end of the window in ms, when its verdict came in ns, the logs that ended it)
Verdict = tuple[int, int, Sequence[Log]]


def latencies(seen: Sequence[tuple[str, Any, int]], logs: Mapping[Kind, list[Log]], load: Load, from_ms: int) -> Any:
    """Answer p50, p99 and the largest, in ms, of scores and of incidents, and of how many windows; from a time on."""
    everywhere = [log for several in logs.values() for log in several]
    scores = _verdicts(seen, load.prefix + "model-scores", logs["model-outputs"])
    incidents = _verdicts(seen, load.prefix + "incidents", everywhere)
    return _figures("score", list(scores), from_ms, load) | _figures("incident", list(incidents), from_ms, load)


def _verdicts(seen: Sequence[tuple[str, Any, int]], wanted: str, logs: Sequence[Log]) -> Iterator[Verdict]:
    for topic, body, received_ns in seen:
        if topic != wanted:
            continue
        if "window" not in body:
            yield to_milliseconds(body["time"]), received_ns, logs
        elif body["detector"] == "fused":
            yield to_milliseconds(body["window"]["end"]), received_ns, logs


def closing_ns(end_ms: int, logs: Sequence[Log]) -> int | None:
    """Return when the event was sent that let the last partition pass a window's end; None if none did."""
    sent = []
    for times, at_ns in logs:
        place = bisect_left(times, end_ms - 1 + DISORDER_MS)
        if place == len(times):
            return None
        sent.append(at_ns[place])
    return max(sent)


def quantile(values: Sequence[float], q: float) -> float:
    """Return a quantile by nearest rank; of few values the highest is the largest."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(q * 1000 * len(ordered)) // 1000) - 1))]


def _figures(name: str, found: Sequence[Verdict], from_ms: int, load: Load) -> dict[str, Any]:
    late = {}
    for place, (end_ms, received_ns, logs) in enumerate(found):
        closed = closing_ns(end_ms, logs) if from_ms <= end_ms <= load.end_ms else None
        if closed is not None:
            late[place] = (received_ns - closed) / 1e6
    if not late:
        return {f"{name}_p50": None, f"{name}_p99": None, f"{name}_n": 0}
    values = list(late.values())
    return {
        f"{name}_p50": quantile(values, 0.5), f"{name}_p99": quantile(values, 0.99), f"{name}_max": max(values),
        f"{name}_n": len(values), f"{name}_windows": len({found[place][0] for place in late}),
    }  # fmt: skip
