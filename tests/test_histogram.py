"""Histograms: quantiles within 1 % of the truth, and merging that does not see any order."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.histogram import (
    LINEAR_BINS,
    Ints,
    count_cells,
    linear_bins,
    linear_centres,
    log_bins,
    log_centres,
    quantile,
)

LATENCIES = st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=200)
CELLS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**31), st.integers(1, 9)), max_size=40)


@given(LATENCIES)
def test_a_logarithmic_bin_stands_for_its_values_within_one_percent(values: list[float]) -> None:
    told = log_centres(log_bins(np.array(values)))
    assert (np.abs(told / np.array(values) - 1) < 0.01 + 1e-9).all()


@settings(deadline=None)
@given(st.lists(LATENCIES, min_size=1, max_size=4), st.sampled_from([0.0, 0.1, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_the_nearest_rank_within_one_percent(rows: list[list[float]], q: float) -> None:
    place = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    cells = count_cells(place, log_bins(np.concatenate([np.array(row) for row in rows])))
    told = log_centres(quantile(cells, len(rows), q))
    truth = [sorted(row)[max(int(np.ceil(q * len(row))), 1) - 1] for row in rows]
    assert told == pytest.approx(np.array(truth), rel=0.01 + 1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_a_share_falls_into_a_bin_half_a_bin_from_it(values: list[float]) -> None:
    assert (np.abs(linear_centres(linear_bins(np.array(values))) - values) <= 0.5 / LINEAR_BINS + 1e-12).all()


@pytest.mark.parametrize(("value", "place"), [(-3.0, 0), (0.0, 0), (1.0, 255), (7.0, 255), (1e100, 255), (-1e100, 0)])
def test_what_is_no_share_goes_to_the_outermost_bin(value: float, place: int) -> None:
    assert linear_bins(np.array([value])).tolist() == [place]


@pytest.mark.parametrize("value", [-5.0, 0.0, 1e-9, 1e-6])
def test_latencies_of_nothing_and_below_share_the_first_bin(value: float) -> None:
    assert log_bins(np.array([value])).tolist() == [0]


def test_a_row_without_values_has_no_quantile() -> None:
    assert quantile(count_cells(np.array([1, 1]), np.array([4, 9])), 3, 0.5).tolist() == [-1, 4, -1]
    assert quantile(np.zeros((0, 3), np.int64), 2, 0.5).tolist() == [-1, -1]


@given(CELLS, st.integers(0, 2**32), st.integers(0, 40))
def test_cells_merge_to_the_same_bytes_in_any_order_and_any_split(
    cells: list[tuple[int, int, int]], seed: int, at: int
) -> None:
    def merged(parts: list[tuple[int, int, int]]) -> Ints:
        table = np.array(parts, np.int64).reshape(-1, 3)
        return count_cells(table[:, 0], table[:, 1], table[:, 2])

    mixed = list(cells)
    random.Random(seed).shuffle(mixed)
    halves = np.concatenate([merged(mixed[:at]), merged(mixed[at:])])
    assert merged(cells).tobytes() == merged(mixed).tobytes() == merged(halves.tolist()).tobytes()
    assert merged(cells)[:, 2].sum() == sum(count for _, _, count in cells)
