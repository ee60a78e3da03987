"""Wilson's interval against published and independent values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from crosstide.intervals import Proportion, wilson


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
