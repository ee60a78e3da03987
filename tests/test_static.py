"""A static rule: broken for exactly as long as it says, counted anew after a gap."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.core_cases import Play, frame_of, only

KEY = ("service/checkout", "latency_ms.p95")


def scores(values: Sequence[float | None], **rule: Any) -> list[float]:
    """The score of each window of 10 s; None is a window without a record, NaN one in which only this signal lacks."""
    other = ("service/checkout", "rate")
    one = Play(only("static", [{"signal": "latency_ms.p95", "above": 200.0, "for": "30s", **rule}]), stream="model")
    frames = [None if value is None else frame_of({KEY: value, other: 1.0}) for value in values]
    return one.fused(frames)


NAN = float("nan")
CASES: dict[str, tuple[list[float | None], int | None]] = {
    "exactly long enough": ([250, 250, 250], 2),
    "one window too short": ([250, 250, 199, 250, 250], None),
    "at the level is not above it": ([200] * 9, None),
    "a calm window begins anew": ([250, 250, 100, 250, 250, 250], 5),
    "a window without a record begins anew": ([250, 250, None, 250, 250, 250], 5),
    "a window without the signal begins anew": ([250, 250, NAN, 250, 250, 250], 5),
    "two gaps": ([250, None, 250, NAN, 250, 250, 250], 6),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_is_broken_after_just_so_long_without_a_gap(case: str) -> None:
    values, first = CASES[case]
    assert next((place for place, score in enumerate(scores(values)) if score >= 1), None) == first


def test_the_score_is_the_share_of_the_time_that_has_passed_and_ends_with_the_fault() -> None:
    assert scores([250] * 6 + [100]) == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2, 0], rel=1e-5)


def test_a_rule_below_a_level_and_a_rule_about_both_sides() -> None:
    assert scores([3, 2, 1], above=None, below=2.5, **{"for": "10s"}) == [0, 1, 2]
    assert scores([30, 2, 10, 99], above=50.0, below=5.0, **{"for": "10s"}) == [0, 1, 0, 1]


def test_the_nearest_of_several_rules_speaks() -> None:
    rules = [{"signal": "latency_ms.*", "above": 200.0, "for": t} for t in ("100s", "20s", "50s")]
    one = Play(only("static", rules), stream="model")
    assert one.fused([frame_of({KEY: 250.0})] * 2) == [0.5, 1.0]


@pytest.mark.parametrize(
    ("rule", "speaks"),
    [
        ({"service": "checkout"}, True),
        ({"service": "check*"}, True),
        ({"service": "fraud"}, False),
        ({"signal": "latency_ms.*"}, True),
        ({"signal": "latency_ms"}, False),
        ({"signal": "*"}, True),
    ],
)
def test_a_rule_speaks_of_the_signals_and_services_that_it_names(rule: dict[str, str], speaks: bool) -> None:
    assert (scores([250] * 3, **rule)[-1] >= 1) is speaks


def test_a_duration_shorter_than_a_window_needs_one_window() -> None:
    assert scores([250], **{"for": "1s"}) == [1.0]


def test_two_series_do_not_lengthen_each_others_runs() -> None:
    one = Play(only("static", [{"signal": "latency_ms.p95", "above": 200.0, "for": "20s"}]), stream="model")
    a, b = ("service/a", "latency_ms.p95"), ("service/b", "latency_ms.p95")
    told = [one.window(frame_of(dict(zip((a, b), v, strict=True)))) for v in ((250.0, 1.0), (1.0, 250.0), (1.0, 250.0))]
    assert [[j.scores[0].score for j in judged] for judged in told] == [[0.5, 0.0], [0.0, 0.5], [0.0, 1.0]]
