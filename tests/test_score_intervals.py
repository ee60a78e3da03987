"""Intervals against published and independent values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2

from crosstide.intervals import Proportion, bootstrap_median, garwood, wilson


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_equals_scipys(pair: tuple[int, int]) -> None:
    expected = binomtest(*pair).proportion_ci(0.95, method="wilson")
    assert wilson(*pair) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_of_nothing_is_unknown() -> None:
    assert wilson(0, 0) is None
    assert str(Proportion(0, 0)) == "0/0 (unknown)"


@pytest.mark.parametrize("pair", [(-1, 3), (4, 3)])
def test_more_hits_than_trials_are_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(*pair)


@given(st.integers(0, 500))
def test_the_interval_of_a_count_is_that_of_the_chi_square_distribution(count: int) -> None:
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    assert garwood(count) == pytest.approx((low, chi2.ppf(0.975, 2 * count + 2) / 2), rel=1e-9)


def test_a_count_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not a count"):
        garwood(-1)


def test_the_interval_of_a_median_holds_it_and_is_the_same_each_time() -> None:
    values = [1.0, 2.0, 2.0, 3.0, 9.0]
    low, high = bootstrap_median(values) or (0.0, 0.0)
    assert 1 <= low <= 2 <= high <= 9
    assert bootstrap_median(values) == (low, high)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_a_median_of_fewer_than_two_values_has_no_interval(values: list[float]) -> None:
    assert bootstrap_median(values) is None
