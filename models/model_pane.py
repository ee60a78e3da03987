"""The fold of model outputs: blobs of one pane become statistics per service, and panes merge into a window.

Order does not matter: records are sorted by content before any floating-point sum, duplicates (same service, request
id and timestamp) are counted once, and every other statistic is an integer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import Array, pack, unpack
from models.config import Limits
from models.histogram import Floats, Ints, count_cells, linear_bins, log_bins

#: Columns of `ModelPane.sums`.
SUMS = ("n", "errors", "latency_n", "latency", "confidence_n", "confidence", "confidence_sq", "number_n", "number",
        "with_features")  # fmt: skip


@dataclass(frozen=True)
class ModelPane:
    """Statistics of some services [S] over a span of time; see `SUMS`. Cells are (service row, bin or name, count)."""

    services: list[str]
    sums: Floats
    latency: Ints
    confidence: Ints
    classes: list[str]
    class_cells: Ints
    features: list[str]
    feature_cells: Ints  # [cells, 2]: service row, feature
    feature_sums: Floats  # [cells, 3]: present, numbers, their sum
    sample_rows: Ints  # [k]: service row of each kept request
    sample_ids: Array  # [k] uint64, the order in which samples are kept
    sample: Floats  # [k, features], NaN where absent
    number_rows: Ints  # [k]: service row of each kept numeric prediction
    number_ids: Array  # [k] uint64, as `sample_ids`
    numbers: Floats  # [k]

    def pack(self) -> bytes:
        """Encode as bytes, for state."""
        return pack(self.__dict__)

    @classmethod
    def unpack(cls, data: bytes) -> "ModelPane":
        """Decode what `pack` wrote."""
        return cls(**unpack(data))


def fold_blobs(blobs: Sequence[bytes], limits: Limits) -> tuple[ModelPane, Counter[int], Counter[int]]:
    """Fold the blobs of a pane; also count scored and duplicate records per partition."""
    joined = _join([unpack(blob) for blob in blobs])
    identity = (joined["id"], joined["time"], joined["service"])
    order = np.lexsort(identity)
    first = _first_of_each(joined, order)
    if not first.all():
        # which of the duplicates counts must not hang on their order, even where they contradict each other
        order = np.lexsort((joined["partition"], *_content(joined), *identity))
    duplicates = Counter(joined["partition"][order[~first]].tolist())
    kept = order[first]
    scored = Counter(joined["partition"][kept].tolist())
    return _statistics(joined, kept, limits), scored, duplicates


def _content(joined: dict[str, Any]) -> list[Array]:
    """What a record says, as sort keys; features, in whatever order, as one number."""
    features = (joined["feature_name"] + 1) * (1.0 + np.nan_to_num(joined["feature_value"]))
    told = np.bincount(joined["feature_row"], weights=features, minlength=len(joined["time"]))
    return [told, *(joined[name] for name in ("has_features", "class", "number", "error", "confidence", "latency"))]


def _first_of_each(joined: dict[str, Any], order: Ints) -> Array:
    """Mark the first of each run of equal (service, time, id) in sorted order."""
    same = np.ones(len(order) - 1, bool)
    for name in ("service", "time", "id"):
        column = joined[name][order]
        same &= column[1:] == column[:-1]
    return np.concatenate([[True], ~same])


def _join(blobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Concatenate blobs, giving names one numbering: sorted, so that it does not depend on the blobs' order."""
    joined: dict[str, Any] = {}
    for codes, names in (("service", "services"), ("class", "classes"), ("feature_name", "features")):
        joined[names] = sorted({name for blob in blobs for name in blob[names]})
        index = {name: code for code, name in enumerate(joined[names])}
        joined[codes] = np.concatenate([_recode(blob[codes], blob[names], index) for blob in blobs])
    offsets = np.cumsum([0] + [len(blob["time"]) for blob in blobs])[:-1]
    joined["feature_row"] = np.concatenate([b["feature_row"] + o for b, o in zip(blobs, offsets, strict=True)])
    for name in ("time", "id", "partition", "latency", "confidence", "error", "number", "has_features",
                 "feature_value"):  # fmt: skip
        joined[name] = np.concatenate([blob[name] for blob in blobs])
    return joined


def _recode(codes: Array, names: list[str], index: dict[str, int]) -> Ints:
    table = np.array([*(index[name] for name in names), -1], np.int64)
    return np.asarray(table[codes])  # code -1 (no class) finds the last entry


def _statistics(joined: dict[str, Any], kept: Ints, limits: Limits) -> ModelPane:
    row = joined["service"][kept]
    size = len(joined["services"])
    latency, confidence, number = (joined[name][kept] for name in ("latency", "confidence", "number"))
    timed, sure, numeric = ~np.isnan(latency), ~np.isnan(confidence), ~np.isnan(number)
    confident = np.where(sure, confidence, 0.0)
    values = [np.ones(len(kept)), joined["error"][kept], timed, np.where(timed, latency, 0.0), sure, confident,
              confident**2, numeric, np.where(numeric, number, 0.0), joined["has_features"][kept]]  # fmt: skip
    named = joined["class"][kept] >= 0
    cells, sums, chosen, sample = _features(joined, kept, row, limits)
    ids = joined["id"][kept]
    told = lowest_per_row(row, ids, limits.sample, numeric)
    return ModelPane(
        services=joined["services"],
        sums=np.stack([np.bincount(row, weights=value, minlength=size) for value in values], axis=1),
        latency=count_cells(row[timed], log_bins(latency[timed])),
        confidence=count_cells(row[sure], linear_bins(confidence[sure])),
        classes=joined["classes"],
        class_cells=count_cells(row[named], joined["class"][kept][named]),
        features=joined["features"],
        feature_cells=cells,
        feature_sums=sums,
        sample_rows=row[chosen],
        sample_ids=ids[chosen],
        sample=sample,
        number_rows=row[told],
        number_ids=ids[told],
        numbers=number[told],
    )


def _features(joined: dict[str, Any], kept: Ints, row: Ints, limits: Limits) -> tuple[Ints, Floats, Ints, Floats]:
    """Sum the features of the kept records, and keep the vectors of a bounded sample of them."""
    place = np.full(len(joined["time"]), -1, np.int64)
    place[kept] = np.arange(len(kept))
    at = place[joined["feature_row"]]
    use = at >= 0
    at, name, value = at[use], joined["feature_name"][use], joined["feature_value"][use]
    # sorted by record and name: the sums then run in one order, whatever order the blobs came in
    order = np.lexsort((name, at))
    at, name, value = at[order], name[order], value[order]
    numeric, owing = ~np.isnan(value), joined["has_features"][kept] > 0
    per_value = np.stack([owing[at], numeric, np.where(numeric, value, 0.0)], axis=1)
    cells, sums = sum_cells(row[at], name, per_value)
    chosen = lowest_per_row(row, joined["id"][kept], limits.sample, owing)
    vectors = np.full((len(chosen), len(joined["features"])), np.nan)
    slot = np.full(len(kept), -1, np.int64)
    slot[chosen] = np.arange(len(chosen))
    inside = slot[at] >= 0
    vectors[slot[at[inside]], name[inside]] = value[inside]
    return cells, sums, chosen, vectors


def sum_cells(rows: Ints, columns: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Sum `values` [m, k] per (row, column): cells [c, 2] in order, sums [c, k]. Adds in the order given."""
    if not len(rows):
        return np.zeros((0, 2), np.int64), np.zeros((0, values.shape[1]))
    key = rows.astype(np.int64) << 32 | columns.astype(np.int64)
    unique, inverse = np.unique(key, return_inverse=True)
    columns_summed = [np.bincount(inverse, weights=column, minlength=len(unique)) for column in values.T]
    sums: Floats = np.stack(columns_summed, axis=1).astype(np.float64)
    cells: Ints = np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1)
    return cells, sums


def lowest_per_row(rows: Ints, ids: Array, limit: int, eligible: Array) -> Ints:
    """Choose up to `limit` places of each row: those with the lowest ids, which are hashes, so any order agrees."""
    places: Ints = np.flatnonzero(eligible)
    places = places[np.lexsort((ids[places], rows[places]))]
    if not len(places):
        return places
    starts = np.flatnonzero(np.concatenate([[True], np.diff(rows[places]) != 0]))
    rank = np.arange(len(places)) - np.repeat(starts, np.diff(np.append(starts, len(places))))
    return np.asarray(places[rank < limit])


def merge_panes(panes: Sequence[ModelPane], limits: Limits) -> ModelPane:
    """Merge panes, in time order, into the statistics of the window that they make up."""
    if len(panes) == 1:
        return panes[0]
    services, row_of = _unite([pane.services for pane in panes])
    classes, class_of = _unite([pane.classes for pane in panes])
    features, feature_of = _unite([pane.features for pane in panes])
    sums = np.zeros((len(services), len(SUMS)))
    for pane, rows in zip(panes, row_of, strict=True):
        sums[rows] += pane.sums
    cells, feature_sums = sum_cells(
        np.concatenate([r[p.feature_cells[:, 0]] for p, r in zip(panes, row_of, strict=True)]),
        np.concatenate([f[p.feature_cells[:, 1]] for p, f in zip(panes, feature_of, strict=True)]),
        np.concatenate([p.feature_sums for p in panes]),
    )
    rows = np.concatenate([r[p.sample_rows] for p, r in zip(panes, row_of, strict=True)])
    ids = np.concatenate([p.sample_ids for p in panes])
    sample = np.full((len(rows), len(features)), np.nan)
    start = 0
    for pane, columns in zip(panes, feature_of, strict=True):
        sample[start : start + len(pane.sample), columns] = pane.sample
        start += len(pane.sample)
    chosen = lowest_per_row(rows, ids, limits.sample, np.ones(len(rows), bool))
    number_rows = np.concatenate([r[p.number_rows] for p, r in zip(panes, row_of, strict=True)])
    number_ids = np.concatenate([p.number_ids for p in panes])
    told = lowest_per_row(number_rows, number_ids, limits.sample, np.ones(len(number_rows), bool))
    return ModelPane(
        services=services,
        sums=sums,
        latency=_merge_cells([p.latency for p in panes], row_of),
        confidence=_merge_cells([p.confidence for p in panes], row_of),
        classes=classes,
        class_cells=_merge_cells([p.class_cells for p in panes], row_of, class_of),
        features=features,
        feature_cells=cells,
        feature_sums=feature_sums,
        sample_rows=rows[chosen],
        sample_ids=ids[chosen],
        sample=sample[chosen],
        number_rows=number_rows[told],
        number_ids=number_ids[told],
        numbers=np.concatenate([p.numbers for p in panes])[told],
    )


def _unite(lists: list[list[str]]) -> tuple[list[str], list[Ints]]:
    """Give one numbering to the names of several lists; answer it, and each list's codes in it."""
    union = sorted({name for names in lists for name in names})
    index = {name: code for code, name in enumerate(union)}
    return union, [np.array([index[name] for name in names], np.int64) for names in lists]


def _merge_cells(cells: list[Ints], row_of: list[Ints], column_of: list[Ints] | None = None) -> Ints:
    rows = np.concatenate([r[c[:, 0]] for c, r in zip(cells, row_of, strict=True)])
    columns = [c[:, 1] for c in cells] if column_of is None else [
        m[c[:, 1]] for c, m in zip(cells, column_of, strict=True)
    ]  # fmt: skip
    return count_cells(rows, np.concatenate(columns), np.concatenate([c[:, 2] for c in cells]))
