"""The flat forest is PyOD's forest, and raw scores become honest p-values."""

import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyod.models.iforest import IForest

from jobs.artifact_model import flatten
from models.forest import FlatForest, contributions
from models.forest_build import Tree, flat_forest
from models.tail import Tail


@cache
def fitted(rows: int, width: int, coarse: bool) -> tuple[Any, FlatForest]:
    data = np.random.default_rng(rows + width).normal(size=(rows, width))
    model = IForest(n_estimators=40, n_jobs=1, random_state=5).fit(data.round(0) if coarse else data)
    return model, flatten(model)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.sampled_from([20, 100, 700]),
    width=st.sampled_from([1, 3, 9]),
    coarse=st.booleans(),
    batch=st.sampled_from([1, 2, 31, 511, 512, 513, 1400]),
    scale=st.sampled_from([0.0, 1.0, 1e-9, 1e6, 1e300]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_flat_forest_scores_as_pyod_does(
    rows: int, width: int, coarse: bool, batch: int, scale: float, seed: int
) -> None:
    model, flat = fitted(rows, width, coarse)
    data = np.random.default_rng(seed).normal(size=(batch, width)) * scale
    data = data.round(0) if coarse else data
    with np.errstate(over="ignore"):  # PyOD lets 1e300 overflow to infinity
        expected = model.decision_function(data)
    assert np.abs(flat.score(data) - expected).max() <= 1e-12


@pytest.mark.parametrize("value", [0.1, np.float32(0.1), np.nextafter(0.1, 1), -0.0, 16777217.0])
def test_values_on_the_edge_of_a_split_go_where_pyod_sends_them(value: float) -> None:
    grid = np.repeat([0.1, -0.0, 16777216.0, 16777218.0], 10)[:, None]
    model = IForest(n_estimators=30, n_jobs=1, random_state=1).fit(grid)
    row = np.array([[float(value)]])
    assert flatten(model).score(row) == pytest.approx(model.decision_function(row), abs=1e-12)


def test_thresholds_themselves_go_where_pyod_sends_them() -> None:
    model, flat = fitted(700, 3, True)
    trees = [tree.tree_ for tree in model.detector_.estimators_]
    splits = np.concatenate([tree.threshold[tree.children_left >= 0] for tree in trees])[:600, None] * np.ones(3)
    assert np.abs(flat.score(splits) - model.decision_function(splits)).max() <= 1e-12


@pytest.mark.parametrize("batch", [1, 3, 64, 512, 1100])
def test_a_row_scores_the_same_to_the_last_bit_in_any_batch(batch: int) -> None:
    _, flat = fitted(700, 9, False)
    data = np.random.default_rng(2).normal(size=(1100, 9))
    parts = [flat.score(data[at : at + batch]) for at in range(0, len(data), batch)]
    assert np.array_equal(np.concatenate(parts), flat.score(data))


def test_no_rows_have_no_scores_and_a_pickled_forest_is_the_same_forest() -> None:
    _, flat = fitted(100, 3, False)
    data = np.random.default_rng(3).normal(size=(10, 3))
    assert flat.score(np.zeros((0, 3))).shape == (0,)
    assert contributions(flat, np.zeros((0, 3)), np.zeros(3)).shape == (0, 3)
    assert np.array_equal(pickle.loads(pickle.dumps(flat)).score(data), flat.score(data))


@pytest.mark.parametrize(
    "rows", [np.zeros((2, 2)), np.zeros((2, 4)), np.zeros(3), np.array([[0, np.nan, 0]]), np.array([[np.inf, 0, 0]])]
)
def test_rows_of_another_shape_or_not_finite_are_refused(rows: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueError, match=r"rows of 3 values|finite"):
        fitted(100, 3, False)[1].score(rows)


def test_the_feature_that_is_strange_carries_the_score() -> None:
    _, flat = fitted(700, 3, False)
    shares = contributions(flat, np.array([[0, 8, 0], [0, 0, 0], [-8, 0, 8]], dtype=float), np.zeros(3))
    assert shares[0] == pytest.approx([0, 1, 0])
    assert shares[1].tolist() == [0, 0, 0]
    assert shares[2].sum() == pytest.approx(1)
    assert shares[2][1] == 0


GOOD = Tree(
    np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([0, -2, -2]), np.array([0.5, -2, -2]), np.array([9, 4, 5])
)
ALONE = np.array([-1, -1, -1])


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (GOOD._replace(right=np.array([3, -1, -1])), "out of range"),
        (GOOD._replace(left=np.array([0, -1, -1])), "out of order"),
        (GOOD._replace(right=np.array([1, -1, -1])), "no parent"),
        (GOOD._replace(left=ALONE, right=ALONE), "no parent"),
        (GOOD._replace(feature=np.array([2, -2, -2])), "not among the 2"),
        (GOOD._replace(threshold=np.array([np.nan, 0, 0])), "not finite"),
        (GOOD._replace(samples=np.array([9, 0, 9])), "without rows"),
    ],
)
def test_a_tree_that_cannot_have_grown_is_refused(tree: Tree, reason: str) -> None:
    assert len(flat_forest([GOOD], 2, 9, -0.5).levels) == 1
    with pytest.raises(ValueError, match=reason):
        flat_forest([GOOD, tree], 2, 9, -0.5)


def test_a_tree_deeper_than_its_rows_let_it_grow_is_refused_before_it_is_filled_up() -> None:
    chain = Tree(
        np.array([1, -1, 3, -1, -1]),
        np.array([2, -1, 4, -1, -1]),
        np.zeros(5, int),
        np.zeros(5),
        np.array([9, 4, 5, 2, 3]),
    )
    assert len(flat_forest([GOOD, chain], 2, 3, -0.5).levels) == 2
    with pytest.raises(ValueError, match="2 deep; its rows let it grow to 1"):
        flat_forest([GOOD, chain], 2, 2, -0.5)
    with pytest.raises(ValueError, match="at most 16384 rows"):
        flat_forest([GOOD], 2, 2**15, -0.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=20, max_size=400))
def test_p_values_fall_as_scores_rise_and_are_never_zero(raw: list[int]) -> None:
    scores = np.array(raw, dtype=float)
    tail = Tail.of(scores)
    p = tail.p_value(np.linspace(-200, 1e6, 5000))
    assert p[0] == 1
    assert (p > 0).all()
    assert (np.diff(p) <= 1e-15).all()
    # up to the upper decile: exactly (k + 1) / (n + 1)
    counted = (np.array([(scores >= value).sum() for value in tail.values]) + 1) / (len(scores) + 1)
    assert tail.p_value(tail.values) == pytest.approx(counted)


def test_p_values_are_uniform_on_data_whose_tail_is_exponential() -> None:
    rng = np.random.default_rng(11)
    levels = np.array([0.3, 0.1, 0.01, 0.001])
    # the chance is over held-out sets too: 2,000 of them, each of 100 scores
    p = [Tail.of(rng.exponential(size=100)).p_value(rng.exponential(size=1000)) for _ in range(2000)]
    assert (np.array(p)[..., None] < levels).mean(axis=(0, 1)) == pytest.approx(levels, rel=0.15)


@pytest.mark.parametrize("raw", [np.zeros(19), np.full(40, np.nan)])
def test_a_tail_of_too_few_or_broken_scores_is_refused(raw: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueError, match="20 finite"):
        Tail.of(raw)


def test_a_score_that_is_not_finite_has_no_p_value() -> None:
    with pytest.raises(ValueError, match="finite"):
        Tail.of(np.arange(30.0)).p_value(np.array([np.nan]))
