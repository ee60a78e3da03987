"""The fold of model outputs equals a slow truth, and knows neither order nor split."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config import Limits
from models.histogram import linear_bins, log_bins
from models.model_blob import pack_model_outputs
from models.model_columns import owes_features
from models.model_pane import SUMS, ModelPane, fold_blobs, merge_panes
from models.records import ModelOutput
from tests.core_cases import T0

Sent = tuple[ModelOutput, int, int]  # record, time, partition
LIMITS = Limits(sample=4)
#: Sums of whole numbers, exact in any order.
COUNTS = [SUMS.index(name) for name in ("n", "errors", "latency_n", "confidence_n", "number_n", "with_features")]

FEATURES = st.dictionaries(
    st.sampled_from(["age", "city", "sum"]), st.one_of(st.none(), st.floats(0, 1e6), st.just("Rome"))
)


@st.composite
def sent(draw: Any) -> Sent:
    record = ModelOutput(
        service=draw(st.sampled_from(["a", "b", "c"])),
        timestamp=0,
        request_id=draw(st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6"])),
        prediction=draw(st.sampled_from([None, True, "cat", "dog", 0.25, 7.5])),
        confidence=draw(st.one_of(st.none(), st.floats(0, 1))),
        latency_ms=draw(st.one_of(st.none(), st.floats(0, 1e4))),
        error=draw(st.sampled_from([False, True, "timeout", ""])),
        features=draw(st.one_of(st.none(), FEATURES)),
    )
    return record, T0 + draw(st.integers(0, 3)), draw(st.integers(0, 1))


def packed(parts: list[Sent]) -> bytes:
    return pack_model_outputs([r for r, _, _ in parts], [t for _, t, _ in parts], [p for _, _, p in parts])


def cut(parts: list[Sent], pieces: int) -> list[bytes]:
    return [packed(parts[at::pieces]) for at in range(pieces) if parts[at::pieces]]


@settings(deadline=None, max_examples=30)
@given(st.lists(sent(), min_size=1, max_size=40), st.integers(1, 6), st.integers(0, 2**32))
def test_any_order_and_any_split_give_the_same_bytes_and_accounts(parts: list[Sent], pieces: int, seed: int) -> None:
    mixed = list(parts)
    random.Random(seed).shuffle(mixed)
    one, scored, duplicates = fold_blobs([packed(parts)], LIMITS)
    two, *counted = fold_blobs(cut(mixed, pieces), LIMITS)
    assert one.pack() == two.pack()
    assert counted == [scored, duplicates]


@settings(deadline=None, max_examples=30)
@given(st.lists(sent(), min_size=1, max_size=40), st.lists(st.integers(0, 39), max_size=10))
def test_a_record_that_comes_again_is_counted_once(parts: list[Sent], again: list[int]) -> None:
    parts = list({(r.service, t, r.request_id): (r, t, p) for r, t, p in parts}.values())
    repeated = [*parts, *(parts[place % len(parts)] for place in again)]
    once, scored, none = fold_blobs([packed(parts)], LIMITS)
    more, still, duplicates = fold_blobs(cut(repeated, 3), LIMITS)
    assert once.pack() == more.pack()
    assert (scored, none.total()) == (still, 0)
    assert duplicates.total() == len(again)


@settings(deadline=None, max_examples=30)
@given(st.lists(sent(), min_size=1, max_size=40))
def test_a_fold_equals_a_slow_truth(parts: list[Sent]) -> None:
    parts = list({(r.service, t, r.request_id): (r, t, p) for r, t, p in parts}.values())
    pane, _, _ = fold_blobs(cut(parts, 2), LIMITS)
    assert pane.services == sorted({r.service for r, _, _ in parts})
    for row, service in enumerate(pane.services):
        mine = [r for r, _, _ in parts if r.service == service]
        latency = [r.latency_ms for r in mine if r.latency_ms is not None]
        sure = [r.confidence for r in mine if r.confidence is not None]
        numbers = [r.prediction for r in mine if isinstance(r.prediction, float)]
        truth = [
            len(mine), sum(r.error not in (False, "") for r in mine), len(latency), sum(latency), len(sure), sum(sure),
            sum(c * c for c in sure), len(numbers), sum(numbers), sum(owes_features(r) for r in mine),
        ]  # fmt: skip
        assert pane.sums[row] == pytest.approx(np.array(truth), rel=1e-12)
        assert pane.sums[row, COUNTS].tolist() == [truth[place] for place in COUNTS]
        assert cells(pane.latency, row) == Counter(log_bins(np.array(latency)).tolist())
        assert cells(pane.confidence, row) == Counter(linear_bins(np.array(sure)).tolist())
        named = Counter(str(r.prediction) for r in mine if isinstance(r.prediction, str | bool))
        assert {pane.classes[code]: n for code, n in cells(pane.class_cells, row).items()} == named
        assert features(pane, row) == feature_truth(mine)


def cells(table: Any, row: int) -> dict[int, int]:
    return {int(column): int(count) for at, column, count in table if at == row}


def features(pane: ModelPane, row: int) -> dict[str, list[Any]]:
    mine = np.flatnonzero(pane.feature_cells[:, 0] == row)
    named = {pane.features[pane.feature_cells[cell, 1]]: pane.feature_sums[cell].tolist() for cell in mine}
    return {name: [*told[:2], pytest.approx(told[2], rel=1e-12)] for name, told in named.items()}


def feature_truth(records: list[ModelOutput]) -> dict[str, list[float]]:
    values: dict[str, list[Any]] = {}
    owed: Counter[str] = Counter()
    for record in records:
        for name, value in (record.features or {}).items():
            if value is not None:
                values.setdefault(name, []).append(value)
                owed[name] += owes_features(record)
    numbers = {name: [v for v in told if isinstance(v, float)] for name, told in values.items()}
    return {name: [owed[name], len(numbers[name]), sum(numbers[name])] for name in values}


def test_features_that_a_failed_request_never_got_are_not_missing_and_nulls_of_its_own_are() -> None:
    def record(**fields: Any) -> ModelOutput:
        return ModelOutput(service="a", timestamp=T0, request_id="r", **fields)

    assert owes_features(record(features={"x": 1.0}))
    assert not owes_features(record(features={"x": 1.0}, error="UpstreamTimeout"))
    assert owes_features(record(features={"x": None}, error="ValueError"))
    assert not owes_features(record())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(sent(), min_size=1, max_size=20), min_size=1, max_size=4))
def test_merged_panes_equal_one_fold_of_everything(panes: list[list[Sent]]) -> None:
    apart = [[(r, t + 5_000 * place, p) for r, t, p in parts] for place, parts in enumerate(panes)]
    merged = merge_panes([fold_blobs([packed(parts)], LIMITS)[0] for parts in apart], LIMITS)
    whole, _, _ = fold_blobs([packed(parts) for parts in apart], LIMITS)
    exact = ("latency", "confidence", "class_cells", "feature_cells", "sample_rows", "sample_ids", "sample")
    assert all(getattr(merged, name).tobytes() == getattr(whole, name).tobytes() for name in exact)
    assert all(getattr(merged, name) == getattr(whole, name) for name in ("services", "classes", "features"))
    assert merged.sums[:, COUNTS].tolist() == whole.sums[:, COUNTS].tolist()
    assert merged.sums == pytest.approx(whole.sums, rel=1e-12)
    assert merged.feature_sums == pytest.approx(whole.feature_sums, rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.lists(sent(), min_size=1, max_size=20))
def test_a_pane_comes_back_from_bytes_as_it_went(parts: list[Sent]) -> None:
    pane, _, _ = fold_blobs([packed(parts)], LIMITS)
    assert ModelPane.unpack(pane.pack()).pack() == pane.pack()


def test_of_duplicates_that_contradict_each_other_the_same_one_counts_in_any_order() -> None:
    told: list[dict[str, Any]] = [
        {"error": True}, {"error": False}, {"prediction": "cat"}, {"prediction": 3.0}, {"features": {}},
        {"features": {"age": 1.0}}, {"features": {"age": 2.0}}, {"features": {"age": 1.0, "sum": None}},
        {"features": {"sum": 1.0}}, {"features": {"age": "old"}},
    ]  # fmt: skip
    parts = [(ModelOutput(service="a", timestamp=0, request_id="r", **fields), T0, n) for n, fields in enumerate(told)]
    answers = set()
    for seed in range(50):
        random.Random(seed).shuffle(parts)
        pane, scored, duplicates = fold_blobs(cut(parts, 1 + seed % 4), LIMITS)
        assert (scored.total(), duplicates.total()) == (1, len(told) - 1)
        answers.add((pane.pack(), *scored))
    assert len(answers) == 1


def test_a_sample_is_bounded_and_holds_only_requests_with_features() -> None:
    parts = [
        (ModelOutput(service=s, timestamp=0, request_id=str(n), features={"age": float(n)} if n % 2 else None), T0, 0)
        for s in ("a", "b")
        for n in range(40)
    ]
    pane, _, _ = fold_blobs(cut(parts, 3), LIMITS)
    assert Counter(pane.sample_rows.tolist()) == {0: LIMITS.sample, 1: LIMITS.sample}
    assert (pane.sample[:, 0] % 2 == 1).all()


def test_numbers_of_any_size_leave_every_sum_finite() -> None:
    parts = [
        (
            ModelOutput(service="a", timestamp=0, request_id=str(n), confidence=x, latency_ms=x, prediction=x,
                        features={"age": x}),
            T0,
            0,
        )
        for n, x in enumerate([1.7e308, 1.7e308, -1.7e308, -1.7e308, 1e305, 5e-324])
    ]  # fmt: skip
    pane, _, _ = fold_blobs(cut(parts, 2), LIMITS)
    assert np.isfinite(pane.sums).all()
    assert np.isfinite(pane.feature_sums).all()
    assert (pane.latency[:, 1] >= 0).all()
