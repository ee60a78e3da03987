"""The fold of model outputs: blobs of one pane become statistics per service, and panes merge into a window.

Order does not matter: records are sorted by content before any floating-point sum (`models.model_join`), and every
other statistic is an integer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.cells import lowest_per_row, per_partition, sum_cells, tally
from models.columns import Array, pack, unpack
from models.config import Limits
from models.histogram import Floats, Ints, count_cells, linear_bins, log_bins
from models.model_join import Joined
from models.name_codes import united

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

    def part(self, keep: Array) -> "ModelPane":
        """Answer what it holds of the services marked in `keep` [S] bool; no name stays that none of them has."""
        if keep.all():
            return self
        number = np.where(keep, np.cumsum(keep) - 1, -1)
        of_cells, of_sample, of_numbers = (
            keep[rows] for rows in (self.feature_cells[:, 0], self.sample_rows, self.number_rows)
        )
        classes, class_cells = _renamed(self.classes, _of(self.class_cells, number))
        features, feature_cells = _renamed(self.features, _of(self.feature_cells, number))
        wide = [self.features.index(name) for name in features]
        return ModelPane(
            services=[name for name, stays in zip(self.services, keep.tolist(), strict=True) if stays],
            sums=self.sums[keep],
            latency=_of(self.latency, number),
            confidence=_of(self.confidence, number),
            classes=classes,
            class_cells=class_cells,
            features=features,
            feature_cells=feature_cells,
            feature_sums=self.feature_sums[of_cells],
            sample_rows=number[self.sample_rows[of_sample]],
            sample_ids=self.sample_ids[of_sample],
            sample=self.sample[of_sample][:, wide],
            number_rows=number[self.number_rows[of_numbers]],
            number_ids=self.number_ids[of_numbers],
            numbers=self.numbers[of_numbers],
        )


def _of(cells: Ints, number: Ints) -> Ints:
    """Answer the cells of the services that have a number, by it; the others have -1."""
    rows = number[cells[:, 0]]
    return np.asarray(np.concatenate([rows[:, None], cells[:, 1:]], axis=1)[rows >= 0])


def _renamed(names: list[str], cells: Ints) -> tuple[list[str], Ints]:
    """Leave out the names that no cell has: (names, cells by their new numbers)."""
    used, codes = np.unique(cells[:, 1], return_inverse=True)
    return [names[code] for code in used.tolist()], np.concatenate([cells[:, :1], codes[:, None], cells[:, 2:]], axis=1)


def fold_blobs(blobs: Sequence[bytes], limits: Limits) -> tuple[ModelPane, Counter[int], Counter[int]]:
    """Fold the blobs of a pane; also count scored and duplicate records per partition."""
    joined = Joined(blobs)
    order, first = joined.order()
    kept, again = order[first], order[~first]
    scored, duplicates = (per_partition(joined.partition[records]) for records in (kept, again))
    return _statistics(joined, kept, limits), scored, duplicates


def _statistics(joined: Joined, kept: Ints, limits: Limits) -> ModelPane:
    row, ids, size = joined.service[kept], joined.id[kept], len(joined.services)
    column = {name: values[kept] for name, values in joined.column.items()}
    latency, confidence, number, label = (column[name] for name in ("latency", "confidence", "number", "class"))
    timed, sure, numeric, named = ~np.isnan(latency), ~np.isnan(confidence), ~np.isnan(number), label >= 0
    cells, sums, chosen, sample = _features(joined, kept, column["has_features"] > 0, limits)
    told = lowest_per_row(row, ids, limits.sample, numeric)
    return ModelPane(
        services=joined.services,
        sums=_sums(row, size, column, (timed, sure, numeric)),
        latency=tally(row[timed], log_bins(latency[timed]), size),
        confidence=tally(row[sure], linear_bins(confidence[sure]), size),
        classes=joined.classes,
        class_cells=tally(row[named], label[named], size),
        features=joined.features,
        feature_cells=cells,
        feature_sums=sums,
        sample_rows=row[chosen],
        sample_ids=ids[chosen],
        sample=sample,
        number_rows=row[told],
        number_ids=ids[told],
        numbers=number[told],
    )


def _sums(row: Ints, size: int, column: Mapping[str, Array], present: tuple[Array, Array, Array]) -> Floats:
    """Answer `ModelPane.sums`; `present`: which records have a latency, a confidence, a numeric prediction."""
    timed, sure, numeric = present
    confident = np.where(sure, column["confidence"], 0.0)
    values = [None, column["error"], timed, np.where(timed, column["latency"], 0.0), sure, confident, confident**2,
              numeric, np.where(numeric, column["number"], 0.0), column["has_features"]]  # fmt: skip
    return np.stack([np.bincount(row, weights=value, minlength=size) for value in values], axis=1).astype(np.float64)


def _features(joined: Joined, kept: Ints, owing: Array, limits: Limits) -> tuple[Ints, Floats, Ints, Floats]:
    """Sum the features of the kept records, and keep the vectors of a bounded sample of them."""
    row, shape = joined.service[kept], (len(joined.services), len(joined.features))
    at, name, value = joined.features_of(kept)
    numeric = ~np.isnan(value)
    cells, sums = sum_cells(row[at], name, (owing[at], numeric, np.where(numeric, value, 0.0)), shape)
    chosen = lowest_per_row(row, joined.id[kept], limits.sample, owing)
    vectors = np.full((len(chosen), len(joined.features)), np.nan)
    at, name, value = joined.features_of(kept[chosen])
    vectors[at, name] = value
    return cells, sums, chosen, vectors


def merge_panes(panes: Sequence[ModelPane], limits: Limits) -> ModelPane:
    """Merge panes, in time order, into the statistics of the window that they make up."""
    if len(panes) == 1:
        return panes[0]
    services, row_of = united([pane.services for pane in panes])
    classes, class_of = united([pane.classes for pane in panes])
    features, feature_of = united([pane.features for pane in panes])
    sums = np.zeros((len(services), len(SUMS)))
    for pane, rows in zip(panes, row_of, strict=True):
        sums[rows] += pane.sums
    cells, feature_sums = sum_cells(
        np.concatenate([r[p.feature_cells[:, 0]] for p, r in zip(panes, row_of, strict=True)]),
        np.concatenate([f[p.feature_cells[:, 1]] for p, f in zip(panes, feature_of, strict=True)]),
        np.concatenate([p.feature_sums for p in panes]).T,
        (len(services), len(features)),
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


def _merge_cells(cells: list[Ints], row_of: list[Ints], column_of: list[Ints] | None = None) -> Ints:
    rows = np.concatenate([r[c[:, 0]] for c, r in zip(cells, row_of, strict=True)])
    columns = [c[:, 1] for c in cells] if column_of is None else [
        m[c[:, 1]] for c, m in zip(cells, column_of, strict=True)
    ]  # fmt: skip
    return count_cells(rows, np.concatenate(columns), np.concatenate([c[:, 2] for c in cells]))
