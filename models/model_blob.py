"""Model outputs as columns: what crosses from the reader of a batch to the pane that gathers it."""

import hashlib
from typing import Any

import numpy as np

from models.columns import bounded, pack
from models.records import ModelOutput

NAN = float("nan")


def pack_model_outputs(records: list[ModelOutput], times: list[int], partitions: list[int]) -> bytes:
    """Encode records of one pane and bucket. Features stay sparse: (record, name, value) triples."""
    names: dict[str, int] = {}
    classes: dict[str, int] = {}
    features: dict[str, int] = {}
    cells = [
        (row, features.setdefault(name, len(features)), _number(value))
        for row, record in enumerate(records)
        if record.features
        for name, value in record.features.items()
        if value is not None
    ]
    return pack(
        {
            "service": np.array([names.setdefault(r.service, len(names)) for r in records], np.int32),
            "services": list(names),
            "time": np.array(times, np.int64),
            "id": np.array([_identity(r.request_id) for r in records], np.uint64),
            "partition": np.array(partitions, np.int32),
            "latency": bounded([_or_nan(r.latency_ms) for r in records]),
            "confidence": bounded([_or_nan(r.confidence) for r in records]),
            "error": np.array([r.error not in (False, "") for r in records], np.int8),
            "number": bounded([_numeric(r.prediction) for r in records]),
            "class": np.array([_class(r.prediction, classes) for r in records], np.int32),
            "classes": list(classes),
            "has_features": np.array([owes_features(r) for r in records], np.int8),
            "feature_row": np.array([row for row, _, _ in cells], np.int64),
            "feature_name": np.array([name for _, name, _ in cells], np.int32),
            "feature_value": bounded([value for _, _, value in cells]),
            "features": list(features),
        }
    )


def owes_features(record: ModelOutput) -> bool:
    """Tell whether what a record lacks is missing: it answered, or it failed with a null of its own.

    A request that failed on its way may carry some of its features; the others nobody has fetched.
    """
    failed = record.error not in (False, "")
    return record.features is not None and (not failed or None in record.features.values())


def _identity(request_id: str) -> int:
    """64 bits of a request's id: two ids of one millisecond and service that collide are not expected in 10^9 years."""
    return int.from_bytes(hashlib.blake2b(request_id.encode(), digest_size=8).digest(), "little")


def _or_nan(value: float | None) -> float:
    return NAN if value is None else value


def _number(value: Any) -> float:
    """A feature's number; a category is present but has none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else NAN


def _numeric(prediction: Any) -> float:
    return NAN if prediction is None else _number(prediction)


def _class(prediction: Any, classes: dict[str, int]) -> int:
    if not isinstance(prediction, str | bool):
        return -1
    return classes.setdefault(str(prediction), len(classes))
