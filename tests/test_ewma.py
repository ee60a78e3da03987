"""The chart: few false alarms on noise it was not made for, quick to see a shift, quick to come back."""

import numpy as np
import pytest

from models.detectors.ewma import Options
from tests.core_cases import Play, frames_of, only
from tests.detector_probe import Witness

ALPHA = 1 / Options().arl0
QUIET = 40


def alarms(matrix: np.ndarray) -> tuple[int, int]:  # type: ignore[type-arg]
    """Verdicts at or above the threshold, and all verdicts, of [windows, series] once warmed up."""
    one = Play(only("ewma"))
    witness = Witness(one.scorer.detectors[0])
    one.scorer.__dict__["detectors"] = [witness]
    for frame in frames_of(matrix, signals=[f"x.s{n:03}" for n in range(matrix.shape[1])]):
        one.window(frame)
    judged = np.stack([marks.scores for marks in witness.seen[QUIET:]])
    return int((judged >= 1).sum()), judged.size


@pytest.mark.parametrize("name", ["normal", "student with 8 degrees", "student with 5 degrees", "uniform"])
def test_false_alarms_on_noise_are_about_as_rare_as_promised(name: str) -> None:
    draw = np.random.default_rng(11)
    shape = (QUIET + 400, 200)
    matrix = {
        "normal": lambda: draw.normal(size=shape),
        "student with 8 degrees": lambda: draw.standard_t(8, size=shape),
        "student with 5 degrees": lambda: draw.standard_t(5, size=shape),
        "uniform": lambda: draw.uniform(-1, 1, size=shape),
    }[name]()
    found, judged = alarms(matrix)
    print(name, found, judged, found / judged / ALPHA)
    assert found / judged <= 2 * ALPHA


def first_alarm(scores: list[float]) -> int:
    return int(np.flatnonzero(np.array(scores) >= 1)[0]) if max(scores) >= 1 else 10**6


def run(shift: float, lasting: int, after: int, seed: int, effect: float = 1.0) -> tuple[list[float], list[float]]:
    """Fused scores during and after a shift of so many standard deviations."""
    values = np.random.default_rng(seed).normal(100, 1, (60 + lasting + after, 1))
    values[60 : 60 + lasting] += shift
    one = Play(only("ewma", effects=[{"signal": "*", "absolute": effect}]))
    scores = one.fused(frames_of(values, signals=["x.load"]))
    return scores[60 : 60 + lasting], scores[60 + lasting :]


def test_probe() -> None:
    for shift in (3, 4, 5, 6, 8, 20):
        print(shift, [first_alarm(run(shift, 20, 1, seed)[0]) for seed in range(20)])
    for lasting in (2, 5, 10, 25, 40):
        print(
            lasting,
            [int(np.sum(np.array(run(20, lasting, 10, seed)[1]) >= 1)) for seed in range(10)],
            [np.flatnonzero(np.array(run(20, lasting, 40, seed)[1]) >= 1)[-1:].tolist() for seed in range(4)],
        )
