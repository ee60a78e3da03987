"""The statistics of one service and window, as a person would compute them from a list of messages.

Quantiles are exact, by nearest rank. Names are those of Crosstide's signals, so that outputs can be compared.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

WINDOW_MS = 10_000
#: Late by less than this still counts, in every peer.
GRACE_MS = 5_000
Body = dict[str, Any]


def is_answer(body: Any) -> bool:
    """Tell a message of the topic from a heartbeat."""
    return isinstance(body, dict) and "service" in body


def owes_features(body: Body) -> bool:
    """Tell whether what an answer lacks is missing: a request that failed on its way owes only what it says is null."""
    return body["error"] is False or None in body["features"].values()


def window_of(at: int) -> int:
    """Return the start of the window that holds a time (ms)."""
    return at // WINDOW_MS * WINDOW_MS


def answers(service: str, start_ms: int, bodies: Sequence[Body]) -> Body:
    """Summarise the answers of a service in a window that starts at `start_ms`."""
    n = len(bodies)
    latency = sorted(body["latency_ms"] for body in bodies)
    confidence = sorted(body["confidence"] for body in bodies)
    classes = Counter(body["prediction"] for body in bodies)
    features = [body["features"] for body in bodies]
    owing = [body["features"] for body in bodies if owes_features(body)]
    told = {
        "rate": 1000 * n / WINDOW_MS,
        "error_rate": sum(body["error"] is not False for body in bodies) / n,
        "latency_ms.mean": math.fsum(latency) / n,
        **{f"latency_ms.p{q}": nearest(latency, q / 100) for q in (50, 95, 99)},
        "confidence.mean": math.fsum(confidence) / n,
        "confidence.p10": nearest(confidence, 0.1),
        **{f"class.{name}.share": count / n for name, count in classes.items()},
    }
    for name in sorted({name for each in features for name in each}):
        values = [each[name] for each in features if each.get(name) is not None]
        if owing:
            told[f"feature.{name}.missing_rate"] = sum(each.get(name) is None for each in owing) / len(owing)
        numbers = [value for value in values if not isinstance(value, str)]
        if numbers:
            told[f"feature.{name}.mean"] = math.fsum(numbers) / len(numbers)
    return {"service": service, "start_ms": start_ms, "n": n, "signals": told}


def samples(service: str, start_ms: int, bodies: Sequence[Body]) -> Body:
    """Summarise the telemetry of a service in a window: levels of gauges, rates of deltas; counters need a past."""
    by_metric: dict[str, list[Body]] = {}
    for body in bodies:
        by_metric.setdefault(body["metric"], []).append(body)
    told = {}
    for metric, each in by_metric.items():
        total = math.fsum(body["value"] for body in each)
        if each[0]["kind"] == "gauge":
            told[metric] = total / len(each)
        elif each[0]["kind"] == "delta":
            told[metric] = 1000 * total / WINDOW_MS
    return {"service": service, "start_ms": start_ms, "n": len(bodies), "signals": told}


def nearest(ordered: Sequence[float], q: float) -> float:
    """Return the quantile of sorted values by nearest rank."""
    return ordered[max(math.ceil(q * len(ordered)), 1) - 1]
