"""The chart of sums: finds small shifts that last, forgives one outlier, comes back soon, is rarely wrong on noise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri, stdtr

from models.detectors.cusum import FEWEST, CusumChart, Options
from models.frame import Floats
from models.run_length import limit_for, normal_scores, run_length
from tests.core_cases import Play, frames_of, only
from tests.detector_probe import Witness

ALPHA = 1 / Options().arl0
QUIET = 40
DRAW = np.random.default_rng(12)
SHAPE = (QUIET + 200, 200)
#: Any change matters: what is tested is the chart alone.
ALL_MATTERS = {"effects": [{"signal": "*", "absolute": 1e-9}]}


def scores(kind: str, matrix: Floats, **options: Any) -> Floats:
    """Scores [windows, series] of one detector on values [windows, series]."""
    one = Play(only(kind, **{**ALL_MATTERS, **options}))
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    for frame in frames_of(matrix, signals=[f"x.s{n:03}" for n in range(matrix.shape[1])]):
        one.window(frame)
    return np.stack([marks.scores for marks in witness.seen])


def kindred(r: float) -> Floats:
    """Noise in which each window goes with the one before it."""
    values = DRAW.normal(size=SHAPE)
    for at in range(1, len(values)):
        values[at] = r * values[at - 1] + np.sqrt(1 - r**2) * values[at]
    return values


#: Noise, and how many times as often as promised the chart may signal: tails heavier than 8 degrees cost some, and so
#: do neighbours that go together, for their kinship is learned from few windows.
NOISE = {
    "normal": (DRAW.normal(size=SHAPE), 3),
    "uniform": (DRAW.uniform(-1, 1, size=SHAPE), 3),
    "student with 5 degrees": (DRAW.standard_t(5, size=SHAPE), 4),
    "neighbours that go together": (kindred(0.5), 8),
}


@pytest.mark.parametrize("name", NOISE)
def test_signals_on_noise_are_about_as_rare_as_promised(name: str) -> None:
    matrix, times = NOISE[name]
    strange = scores("cusum", matrix)[QUIET:] >= 1
    assert np.mean(strange[1:] & ~strange[:-1]) <= times * ALPHA


@pytest.mark.parametrize(("shift", "within", "share"), [(1.5, 15, 0.4), (2, 10, 0.6), (-2, 10, 0.6), (3, 8, 0.9)])
def test_a_small_lasting_shift_is_found_where_the_averaging_chart_misses_it(
    shift: float, within: int, share: float
) -> None:
    matrix = np.random.default_rng(13).normal(size=(60 + within, 100))
    matrix[60:] += shift
    found, missed = ((scores(kind, matrix)[60:] >= 1).any(axis=0).mean() for kind in ("cusum", "ewma"))
    assert found >= share
    assert missed <= 0.1


@pytest.mark.parametrize("size", [8.0, -50.0, 1e9])
def test_one_outlier_is_no_shift_and_a_shift_takes_three_windows_whatever_its_size(size: float) -> None:
    matrix = np.random.default_rng(14).normal(size=(70, 40))
    matrix[60] += size
    assert (scores("cusum", matrix)[60:] >= 1).mean() < 0.01
    matrix[61:] += size
    first = (scores("cusum", matrix)[60:] >= 1).argmax(axis=0)
    assert first.min() >= 1
    assert np.median(first) == FEWEST - 1


@pytest.mark.parametrize("lasting", [5, 12, 25])
@pytest.mark.parametrize("size", [4.0, -20.0])
def test_the_chart_comes_back_soon_after_a_fault(size: float, lasting: int) -> None:
    matrix = np.random.default_rng(15).normal(size=(60 + lasting + 10, 60))
    matrix[60 : 60 + lasting] += size
    seen = scores("cusum", matrix)
    assert (seen[60 : 60 + lasting] >= 1).any(axis=0).mean() > 0.85
    after = seen[60 + lasting :]
    assert (after[1:] >= 0.7).mean(axis=1)[0] < 0.4
    assert (after[4:] >= 0.7).mean() < 0.1


def test_a_shift_that_stays_is_the_new_level_in_the_end() -> None:
    matrix = np.random.default_rng(16).normal(size=(180, 40))
    matrix[60:] += 2.5
    strange = scores("cusum", matrix) >= 1
    assert strange[60:75].any(axis=0).mean() > 0.8
    assert strange[140:].mean() < 0.02


@pytest.mark.parametrize(
    ("direction", "seen"), [("up", (True, False)), ("down", (False, True)), ("either", (True, True))]
)
def test_only_a_shift_in_the_harmful_direction_counts(direction: str, seen: tuple[bool, bool]) -> None:
    effects = [{"signal": "*", "absolute": 1e-9, "direction": direction}]
    noise = np.random.default_rng(17).normal(size=(70, 20))
    shifts = (noise + np.where(np.arange(70) >= 60, shift, 0.0)[:, None] for shift in (5, -5))
    assert tuple(bool((scores("cusum", m, effects=effects)[60:] >= 1).any()) for m in shifts) == seen


def test_a_shift_too_small_to_matter_is_no_alarm() -> None:
    matrix = np.random.default_rng(18).normal(size=(90, 20))
    matrix[60:] += 5
    assert not (scores("cusum", matrix, effects=[{"signal": "*", "absolute": 100.0}]) >= 1).any()


@pytest.mark.parametrize(("k", "arl0"), [(0.25, 200.0), (0.5, 500.0), (1.0, 500.0)])
def test_the_limit_is_reached_as_seldom_as_asked_for(k: float, arl0: float) -> None:
    """Two sums of independent normal values, counted; 400 runs know their mean within 5 %."""
    limit, draw = limit_for(arl0, k), np.random.default_rng(19)
    up, down, length, going = np.zeros(400), np.zeros(400), np.zeros(400), np.ones(400, bool)
    while going.any():
        step = draw.normal(size=400)
        up, down, length = np.maximum(up + step - k, 0), np.maximum(down - step - k, 0), length + going
        going &= np.maximum(up, down) < limit
        assert length.max() < 20 * arl0
    assert length.mean() == pytest.approx(arl0, rel=0.15)


def test_a_score_of_one_is_the_limit() -> None:
    chart = CusumChart(Options(), {}, 15)
    assert run_length(chart.limit, 0.5) == pytest.approx(5000)
    assert chart.limit == pytest.approx(7.35, abs=0.01)


def test_residuals_become_the_normal_scores_of_the_same_probability() -> None:
    t = np.array([-6.0, -2.0, -0.5, 0.0, 1.0, 3.0, 10.0])
    assert normal_scores(t, 8) == pytest.approx(ndtri(stdtr(8, t)), abs=0.03)
    assert np.isfinite(normal_scores(np.array([1e200, -1e200]), 8)).all()
