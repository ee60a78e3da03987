"""The local expectation: abstains until it knows enough, is not bent by strange windows, gives in to what stays."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact import SeriesBaseline
from models.columns import Array
from models.config import Expectation
from models.expectation import BLOCK, Expected, LocalExpectation
from models.frame import Frame
from models.series import SeriesTable
from tests.core_cases import frame_of

KEY = ("node/n1", "x.load")
NAME = "node/n1 x.load"
SETTINGS = Expectation(history=10, warm_up=5, freeze_cap=4)


class One:
    """The expectation of one series, window by window."""

    def __init__(self, baseline: SeriesBaseline | None = None) -> None:
        self.expectation = LocalExpectation(SETTINGS, {} if baseline is None else {NAME: baseline})
        table, _ = SeriesTable.empty().with_rows([NAME], self.expectation.layout)
        self.memory: Mapping[str, Array] = table.columns

    def see(self, value: float, strange: bool = False) -> Expected:
        frame: Frame = frame_of({KEY: value})
        before = {name: column.copy() for name, column in self.memory.items()}
        expected = self.expectation.expect(frame, self.memory)
        learned = self.expectation.learn(frame, self.memory, np.array([strange]))
        assert all(np.array_equal(self.memory[name], before[name], equal_nan=True) for name in before)
        self.memory = learned
        return expected

    def series(self, values: list[float]) -> list[Expected]:
        return [self.see(value) for value in values]


def test_nothing_is_judged_before_the_warm_up_and_everything_after() -> None:
    ready = [bool(e.ready[0]) for e in One().series([1.0] * 7)]
    assert ready == [False] * SETTINGS.warm_up + [True] * 2


def test_a_baseline_stands_in_from_the_first_window() -> None:
    expected = One(SeriesBaseline(10.0, 2.0, 100)).see(16.0)
    assert (expected.ready[0], expected.level[0], expected.scale[0], expected.z[0]) == (True, 10.0, 2.0, 3.0)


def test_own_windows_take_over_the_level_and_a_baseline_keeps_the_spread_from_shrinking() -> None:
    alone, trained = One(), One(SeriesBaseline(10.0, 2.0, 100))
    for one in (alone, trained):
        one.series([50.0] * 10)
    assert alone.see(50.0).level[0] == trained.see(50.0).level[0] == 50.0
    # 10 windows without any spread beside 15 that the baseline counts for
    assert trained.see(50.0).scale[0] == pytest.approx(np.sqrt(15 * 2.0**2 / 25))
    assert alone.see(50.0).scale[0] == pytest.approx(0.02 * 50)


def test_level_and_spread_are_those_of_the_newest_windows_only() -> None:
    one, values = One(), [99.0, 99.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 40.0]
    one.series(values)
    expected, newest = one.see(0.0), np.array(values[2:])
    assert expected.level[0] == np.median(newest)
    distance = np.abs(newest - np.median(newest))
    assert expected.scale[0] == pytest.approx(max(1.4826 * np.median(distance), np.quantile(distance, 0.9) / 1.645))


def test_a_signal_that_rests_and_bursts_now_and_then_has_a_spread() -> None:
    one = One()
    one.series([5.0] * 8 + [9.0] * 2)
    assert one.see(5.0).scale[0] > 1


def test_a_window_is_judged_by_what_was_known_before_it() -> None:
    one = One()
    one.series([1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
    memory = one.memory
    first = one.see(100.0)
    one.memory = memory
    assert one.see(100.0).z == first.z
    assert first.level[0] == 1.5


@pytest.mark.parametrize("level", [0.0, 1e-300, 5.0, -7.0, 1e100])
def test_a_constant_series_expects_itself_and_has_a_spread_above_nothing(level: float) -> None:
    for expected in One().series([level] * 15):
        assert (expected.level[0], expected.z[0]) == (level, 0.0)
        assert expected.scale[0] > 0


def test_strange_windows_stay_out_but_no_longer_than_the_cap() -> None:
    one = One()
    one.series([1.0] * 10)
    counts = []
    for _ in range(SETTINGS.freeze_cap + 3):
        one.see(9.0, strange=True)
        counts.append(int(one.memory["count"][0]) - 10)
    assert counts == [0] * SETTINGS.freeze_cap + [1, 2, 3]


def test_a_level_that_moves_for_good_becomes_the_expected_one() -> None:
    one = One()
    one.series([1.0] * 10)
    limit = SETTINGS.freeze_cap + SETTINGS.history
    levels = [float(one.see(9.0, strange=True).level[0]) for _ in range(limit + 1)]
    assert levels[: SETTINGS.freeze_cap] == [1.0] * SETTINGS.freeze_cap
    assert levels[-1] == 9.0


def test_a_calm_window_is_learned_and_takes_back_a_quarter_of_a_strange_one() -> None:
    one = One()
    one.series([1.0] * 10)
    one.see(9.0, strange=True)
    one.see(1.0)
    assert (one.memory["count"][0], one.memory["frozen"][0]) == (11, 0.75)
    one.series([1.0] * 4)
    assert (one.memory["count"][0], one.memory["frozen"][0]) == (15, 0)


def judged_by_itself(values: list[float]) -> list[bool]:
    """Which windows of a series are further than four spreads from what was expected, and so kept out."""
    one, strange = One(), []
    for value in values:
        before = one.memory
        far = abs(float(one.see(value).z[0])) > 4
        one.memory = before
        one.see(value, far)
        strange.append(far)
    return strange


@pytest.mark.parametrize("pattern", [[1.0, 9.0], [1.0, 1.0, 9.0, 9.0], [1.0, 9.0, 9.0]])
def test_both_levels_of_a_series_that_leaps_are_learned(pattern: list[float]) -> None:
    strange = judged_by_itself([1.0] * 10 + pattern * 20)
    assert any(strange[:20])
    assert not any(strange[-20:])


def test_strange_windows_that_are_few_stay_out_for_ever() -> None:
    strange = judged_by_itself(([1.0] * 4 + [9.0]) * 40)
    assert sum(strange[-20:]) == 4


def test_a_sampling_error_larger_than_the_spread_is_the_spread() -> None:
    one = One()
    one.series([1.0] * 10)
    frame = frame_of({KEY: 1.5})
    frame.errors[:] = 0.25
    expected = one.expectation.expect(frame, one.memory)
    assert (expected.z[0], expected.scale[0], expected.spread[0]) == (2.0, 0.25, 0.0)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-1e300, 1e300), st.booleans()), max_size=25),
    st.sampled_from([None, SeriesBaseline(0.0, 0.0, 1), SeriesBaseline(1e100, 1e100, 9)]),
)
def test_nothing_but_numbers_comes_out(windows: list[tuple[float, bool]], baseline: SeriesBaseline | None) -> None:
    one = One(baseline)
    for value, strange in windows:
        expected = one.see(value, strange)
        assert all(np.isfinite(part).all() for part in (expected.level, expected.scale, expected.z))
        assert (expected.scale > 0).all()


def test_summaries_of_many_rows_are_those_that_numpy_makes_of_each() -> None:
    """Rows of different length, more of them than are summarised together."""
    draw = np.random.default_rng(6)
    history = draw.normal(size=(BLOCK + 90, 30)).round(1)
    history[draw.random(history.shape) < 0.1] = np.nan
    expectation = LocalExpectation(Expectation(history=30, warm_up=4), {})
    names = [("node/n1", f"x.s{n:04}") for n in range(len(history))]
    frame = frame_of(dict.fromkeys(names, 0.0))
    memory = {"history": history, "count": np.full(len(history), 30.0), "frozen": np.zeros(len(history))}
    expected = expectation.expect(frame, memory)
    median = np.nanmedian(history, axis=1)
    distance = np.abs(history - median[:, None])
    spread = np.maximum(1.4826 * np.nanmedian(distance, axis=1), np.nanquantile(distance, 0.9, axis=1) / 1.645)
    assert expected.level == pytest.approx(median, abs=1e-12)
    assert expected.spread == pytest.approx(spread, rel=1e-12)


def test_rows_do_not_see_each_other() -> None:
    noise = np.random.default_rng(5).normal(size=(20, 3))
    keys = [(f"node/n{n}", "x.load") for n in range(3)]
    expectation = LocalExpectation(SETTINGS, {})
    table, rows = SeriesTable.empty().with_rows([" ".join(key) for key in keys], expectation.layout)
    memory: Mapping[str, Array] = table.columns
    alone = [One() for _ in keys]
    for values in noise:
        frame = frame_of(dict(zip(keys, values.tolist(), strict=True)))
        together = expectation.expect(frame, memory)
        memory = expectation.learn(frame, memory, np.zeros(3, bool))
        for row in rows:
            single = alone[row].see(float(values[row]))
            assert (together.level[row], together.scale[row]) == (single.level[0], single.scale[0])


def test_an_empty_frame_is_no_trouble() -> None:
    expectation = LocalExpectation(SETTINGS, {})
    frame, memory = frame_of({}), {"history": np.zeros((0, 10)), "count": np.zeros(0), "frozen": np.zeros(0)}
    assert expectation.expect(frame, memory).z.shape == (0,)
    assert expectation.learn(frame, memory, np.zeros(0, bool))["history"].shape == (0, 10)
