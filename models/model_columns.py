"""Model outputs as columns: made once for a batch, then cut into one blob for each pane and bucket.

Every loop over records here is a comprehension over one field: that, and nothing else, is what a record costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from models.columns import Array, Column, bounded, narrow, pack
from models.feature_cells import FeatureCells, cells_of
from models.name_codes import Names, hash_bucket, numbered
from models.records import ModelOutput

_NAN = float("nan")


@dataclass(frozen=True)
class ModelColumns:
    """Records [n]. `plain`: columns [n], or [0] where no record has a value."""

    time: Array
    plain: Mapping[str, Array]
    service: Names
    label: Names
    features: FeatureCells

    def buckets(self, count: int) -> Array:
        """Answer the hash bucket of each record."""
        by_name = np.array([hash_bucket(name, count) for name in self.service.names], np.int64)
        return np.asarray(by_name[self.service.codes])

    def at(self, order: Array) -> "ModelColumns":
        """Answer the records in another order."""
        plain = {name: column[order] if len(column) else column for name, column in self.plain.items()}
        names = self.service.at(order), self.label.at(order)
        return ModelColumns(self.time[order], plain, *names, self.features.at(order))

    def blob(self, start: int, stop: int) -> bytes:
        """Encode the records from `start` to `stop`, for `models.model_pane`."""
        first = int(self.time[start])
        columns: dict[str, Column] = {name: column[start:stop] for name, column in self.plain.items()}
        columns["start"], columns["time"] = np.array([first]), narrow(self.time[start:stop] - first)
        columns["service"], columns["services"] = self.service.part(start, stop)
        columns["class"], columns["classes"] = self.label.part(start, stop)
        counts = self.features.counts
        cells = int(counts[:start].sum()), int(counts[:stop].sum())
        columns["cells"] = narrow(counts[start:stop])
        columns["feature_name"], columns["features"] = self.features.name.part(*cells)
        columns["feature_value"] = self.features.value[slice(*cells)]
        return pack(columns)


def columns_of(records: Sequence[ModelOutput], times: Array, partitions: Array) -> ModelColumns:
    """Turn records [n] round; `times` (epoch ms) and `partitions` [n] are those of their Kafka records."""
    label, numbers = _predictions([record.prediction for record in records])
    features = [record.features for record in records]
    failed = np.array([record.error not in (False, "") for record in records], np.int8)
    plain: dict[str, Array] = {
        "id": identities([record.request_id for record in records]),
        "partition": narrow(partitions),
        "latency": _told([record.latency_ms for record in records]),
        "confidence": _told([record.confidence for record in records]),
        "error": failed,
        "number": numbers,
        "has_features": _owing(records, failed),
    }
    service = numbered([record.service for record in records])
    return ModelColumns(np.asarray(times, np.int64), plain, service, label, cells_of(features))


def owes_features(record: ModelOutput) -> bool:
    """Tell whether what a record lacks is missing: it answered, or it failed with a null of its own.

    A request that failed on its way may carry some of its features; the others nobody has fetched.
    """
    failed = record.error not in (False, "")
    return record.features is not None and (not failed or None in record.features.values())


def _owing(records: Sequence[ModelOutput], failed: Array) -> Array:
    owing = np.array([record.features is not None for record in records], np.int8)
    for place in np.flatnonzero(failed).tolist():
        owing[place] = owes_features(records[place])
    return owing


def identities(request_ids: Sequence[str]) -> Array:
    """64 bits of each request's id (BLAKE2b, RFC 7693): uint64 [n], the same everywhere.

    Two ids of one millisecond and service that collide are not expected in 10^9 years.
    """
    digests = [blake2b(request_id.encode(), digest_size=8).digest() for request_id in request_ids]
    return np.frombuffer(b"".join(digests), "<u8")


def _told(values: Sequence[float | None]) -> Array:
    numbers = bounded(values)
    return numbers[:0] if np.isnan(numbers).all() else numbers


def _predictions(predictions: Sequence[float | str | bool | None]) -> tuple[Names, Array]:
    """Split predictions into classes (strings and booleans) and numbers."""
    kinds = set(map(type, predictions))
    if kinds <= {str}:
        return numbered(predictions), np.zeros(0)  # type: ignore[arg-type]
    index: dict[str, int] = {}
    codes = [index.setdefault(str(one), len(index)) if isinstance(one, str | bool) else -1 for one in predictions]
    numbers = [one if one.__class__ in (float, int) else _NAN for one in predictions]
    return Names(list(index), np.array(codes, np.int64)), _told(numbers)
