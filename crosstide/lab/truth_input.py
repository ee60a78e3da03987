"""What the truth is measured on, taken from the records of a recording."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from crosstide.lab.effect_measures import Request
from crosstide.lab.files import Record

#: An entity of telemetry stands in one of these fields; the most particular first.
_ENTITIES = ("gpu", "service", "node")


def requests(topics: Mapping[str, Sequence[Record]]) -> dict[str, list[Request]]:
    """Answer the requests of each service, with what the labels say of them where those have come."""
    labels = {(r["service"], r["request_id"]): r["label"] for r in topics.get("labels", ())}
    found: dict[str, list[Request]] = {}
    for record in topics["model-outputs"]:
        right, off = _judged(record.get("prediction"), labels.get((record["service"], record.get("request_id"))))
        failed = bool(record.get("error", False))
        row = Request(_millis(record), record.get("latency_ms"), record.get("confidence"), failed, right, off)
        found.setdefault(record["service"], []).append(row)
    return found


def readings(topics: Mapping[str, Sequence[Record]]) -> dict[str, list[int]]:
    """Answer the times of each entity's readings (`kind/name`: ms since 1970), in order; events are none."""
    found: dict[str, set[int]] = {}
    for record in topics.get("telemetry", ()):
        if record.get("kind") != "event":
            kind = next(name for name in _ENTITIES if name in record)
            found.setdefault(f"{kind}/{record[kind]}", set()).add(_millis(record))
    return {entity: sorted(times) for entity, times in found.items()}


def _judged(prediction: object, label: object) -> tuple[bool | None, float | None]:
    """Say whether a class is right, or how far a number is off."""
    if prediction is None or label is None:
        return None, None
    if isinstance(prediction, float | int) and isinstance(label, float | int) and not isinstance(label, bool):
        return None, abs(prediction - label)
    return prediction == label, None


def _millis(record: Record) -> int:
    return round(datetime.fromisoformat(record["timestamp"]).timestamp() * 1000)
