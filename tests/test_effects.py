"""Effects: the first that matches counts, and only as much of a change as matters."""

from fnmatch import fnmatch

import numpy as np
import pytest

from models.effects import DEFAULT_EFFECTS, Effect, Effects
from models.expectation import Expected
from models.name_codes import Names
from models.signals import MODEL_SIGNALS
from tests.core_cases import frame_of


def share(effect: Effect, value: float, level: float) -> float:
    frame, one = frame_of({("node/n1", "x.load"): value}), np.ones(1)
    return float(Effects([effect]).share(frame, Expected(level * one, one, one, one > 0, one))[0])


@pytest.mark.parametrize(
    ("signal", "direction", "absolute"),
    [
        ("error_rate", "up", 0.03),
        ("feature.age.missing_rate", "up", 0.05),
        ("confidence.mean", "either", 0.04),
        ("class.entropy", "either", 0.25),
        ("class.a.b.share", "either", 0.15),
        ("service.restarts", "up", 1.0),
        ("container.oom_kills", "up", 1.0),
        ("node.cpu.utilization", "either", 0.1),
    ],
)
def test_the_first_effect_that_matches_counts(signal: str, direction: str, absolute: float) -> None:
    effect = Effects(DEFAULT_EFFECTS).of(signal)
    assert (effect.direction, effect.absolute) == (direction, absolute)


def test_every_model_signal_has_an_effect_larger_than_nothing() -> None:
    effects = Effects(DEFAULT_EFFECTS)
    assert all(max(effects.of(s).relative, effects.of(s).absolute) > 0 for s in [*MODEL_SIGNALS, "anything.else"])


def test_no_default_hides_behind_an_earlier_one() -> None:
    earlier: list[str] = []
    for effect in DEFAULT_EFFECTS:
        example = effect.signal.replace("*", "x")
        assert not any(fnmatch(example, pattern) for pattern in earlier), effect.signal
        earlier.append(effect.signal)


def test_no_change_of_a_drift_signal_matters_to_a_chart() -> None:
    for signal in ("feature.age.psi", "class.unseen_share", "inputs.absent_share"):
        frame, one = frame_of({("service/a", signal): 5.0}), np.ones(1)
        assert Effects(DEFAULT_EFFECTS).share(frame, Expected(0 * one, one, one, one > 0, one))[0] < 1e-12


def test_a_signal_that_no_effect_names_matters_at_any_size() -> None:
    assert share(Effect(signal="other", absolute=9.0), 1.001, 1.0) == 1.0


@pytest.mark.parametrize(
    ("effect", "value", "expected"),
    [
        (Effect(signal="*", absolute=4.0), 12.0, 0.5),
        (Effect(signal="*", absolute=4.0), 8.0, 0.5),
        (Effect(signal="*", absolute=4.0), 99.0, 1.0),
        (Effect(signal="*", relative=0.5), 12.0, 0.4),
        (Effect(signal="*", relative=0.5, absolute=8.0), 12.0, 0.25),
        (Effect(signal="*"), 10.0, 0.0),
    ],
)
def test_a_change_counts_as_far_as_it_is_of_a_size_that_matters(effect: Effect, value: float, expected: float) -> None:
    assert share(effect, value, 10.0) == pytest.approx(expected)


def test_spread_and_slope_matter_as_far_as_they_move_their_metric() -> None:
    names = [("node/n1", f"x.load{part}") for part in ("", ".spread", ".slope")] + [("node/n2", "x.load.slope")]
    frame, one = frame_of(dict(zip(names, [100.0, 5.0, 0.25, 0.25], strict=True))), np.ones(4)
    expected = Expected(np.array([100.0, 0.0, 0.0, 0.0]), one, one, one > 0, one)
    effects = Effects([Effect(signal="*", relative=0.25)])
    told = dict(zip(zip(frame.subjects, frame.signals, strict=True), effects.share(frame, expected), strict=True))
    # of 25 that matter: 5, and a quarter of one per second makes 15 in a minute; alone, a slope matters at any size
    assert [told[name] for name in names] == pytest.approx([0.0, 0.2, 0.6, 1.0])
    named = Effects([Effect(signal="*.slope", absolute=0.5), Effect(signal="*")]).share(frame, expected)
    assert named[frame.signals.index("x.load.slope")] == 0.5


def test_residuals_in_a_harmless_direction_count_as_none() -> None:
    effects = Effects([Effect(signal="a", direction="up"), Effect(signal="b", direction="down")])
    signals, residuals = ["a", "a", "b", "b", "c", "c"], np.array([3.0, -3.0] * 3)
    assert effects.clipped(Names.of(signals), residuals).tolist() == [3, 0, 0, -3, 3, -3]
    up, down = effects.harmful(Names.of(["a", "b", "c"]))
    assert (up.tolist(), down.tolist()) == ([True, False, True], [False, True, True])


def test_no_signals_are_no_trouble() -> None:
    assert Effects(DEFAULT_EFFECTS).clipped(Names.of([]), np.zeros(0)).shape == (0,)
