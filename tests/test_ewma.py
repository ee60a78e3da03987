"""The chart: few false alarms on noise, quick to see a large shift, quick to come back, silent on trifles."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.detectors.ewma import Options
from models.frame import Floats
from tests.core_cases import Play, frames_of, only
from tests.detector_probe import Witness

ALPHA = 1 / Options().arl0
QUIET = 40
DRAW = np.random.default_rng(11)
SHAPE = (QUIET + 240, 150)


def share_of_alarms(matrix: Floats) -> float:
    """Share of verdicts [windows, series] at or above the threshold, once warmed up."""
    one = Play(only("ewma"))
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    for frame in frames_of(matrix, signals=[f"x.s{n:03}" for n in range(matrix.shape[1])]):
        one.window(frame)
    return float(np.mean(np.stack([marks.scores for marks in witness.seen[QUIET:]]) >= 1))


#: Noise, and how many times alpha its share of alarms may be; tails heavier than the chart's 8 degrees cost some.
NOISE = {
    "normal": (DRAW.normal(size=SHAPE), 1),
    "uniform": (DRAW.uniform(-1, 1, size=SHAPE), 1),
    "student with 8 degrees": (DRAW.standard_t(8, size=SHAPE), 2),
    "student with 5 degrees": (DRAW.standard_t(5, size=SHAPE), 5),
}


@pytest.mark.parametrize("name", NOISE)
def test_false_alarms_on_noise_are_about_as_rare_as_promised(name: str) -> None:
    matrix, times = NOISE[name]
    assert share_of_alarms(matrix) <= times * ALPHA


def run(shift: float, lasting: int, seed: int, **options: object) -> tuple[list[bool], list[bool]]:
    """Alarms during and after a shift of so many standard deviations; a change of 1 matters."""
    values = np.random.default_rng(seed).normal(10, 1, (60 + lasting + 8, 1))
    values[60 : 60 + lasting] += shift
    told: dict[str, Any] = {"effects": [{"signal": "*", "absolute": 1.0}], **options}
    alarms = [score >= 1 for score in Play(only("ewma", **told)).fused(frames_of(values, signals=["x.load"]))]
    return alarms[60 : 60 + lasting], alarms[60 + lasting :]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shift", [10, -10, 30])
def test_a_large_shift_is_seen_in_its_first_window(shift: float, seed: int) -> None:
    assert run(shift, 3, seed)[0][0]


def test_a_shift_of_six_deviations_is_mostly_seen_within_three_windows() -> None:
    assert sum(any(run(6, 3, seed)[0]) for seed in range(8)) >= 6


@pytest.mark.parametrize("lasting", [3, 10, 25])
def test_the_chart_comes_back_within_three_windows(lasting: int) -> None:
    assert not any(any(run(20, lasting, seed)[1][3:]) for seed in range(5))


def test_a_change_too_small_to_matter_is_no_alarm_however_steady_the_signal() -> None:
    assert not any(run(20, 5, 1, effects=[{"signal": "*", "absolute": 50.0}])[0])
    assert not any(run(20, 5, 1, effects=[{"signal": "*", "relative": 5.0}])[0])


@pytest.mark.parametrize(
    ("direction", "seen"), [("up", (True, False)), ("down", (False, True)), ("either", (True, True))]
)
def test_only_a_change_in_the_harmful_direction_counts(direction: str, seen: tuple[bool, bool]) -> None:
    effects = [{"signal": "*", "absolute": 1.0, "direction": direction}]
    assert tuple(any(run(shift, 3, 2, effects=effects)[0]) for shift in (12, -12)) == seen
