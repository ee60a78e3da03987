"""The chart of shares and rates: a quiet night is no alarm, a burst of errors is one, few requests prove little."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, poisson

from models.detectors.base import Marks, View
from models.detectors.rates import Options, RatesChart
from models.expectation import Expected
from models.frame import Floats, Frame
from models.frame_build import FrameBuilder
from tests.core_cases import Play, only
from tests.detector_probe import Witness

ALPHA = 1 / Options().arl0
WINDOW_S = 10.0
QUIET = 20
DRAW = np.random.default_rng(21)


def frame(signal: str, part: Sequence[float], whole: Sequence[float]) -> Frame:
    """Subject k has `part` of `whole` requests; for `rate` the whole counts."""
    builder = FrameBuilder()
    for k, (hits, n) in enumerate(zip(part, whole, strict=True)):
        value, error = (n / WINDOW_S, np.sqrt(n) / WINDOW_S) if signal == "rate" else (hits / n, 0.5 / np.sqrt(n + 2))
        builder.add(f"service/s{k:03}", signal, value, int(n), float(error))
    return builder.build()


def scores(signal: str, parts: Floats, wholes: Floats, **options: Any) -> Floats:
    """Scores [windows, services]."""
    one = Play(only("rates", **options), stream="model")
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    for part, whole in zip(parts.tolist(), wholes.tolist(), strict=True):
        one.window(frame(signal, part, whole))
    return np.stack([marks.scores for marks in witness.seen])


def judged(signal: str, value: float, n: int, level: float, usual: int, spread: float = 0.0) -> Marks:
    """One verdict of a chart that has long seen `usual` requests a window, every change mattering."""
    options = Options.model_validate({"effects": [{"signal": "*"}]})
    chart = RatesChart(options, WINDOW_S, 10**9)
    one, signals = np.ones(1), ["rate" if signal == "rate" else signal]
    alone = Frame(["service/a"], signals, value * one, np.array([n]), 0 * one)
    expected = Expected(level * one, one, 0 * one, one > 0, spread * one)
    return chart.score(View(alone, expected, {"rates/usual": float(usual) * one}))


@pytest.mark.parametrize("p", [0.001, 0.02, 0.3, 0.97])
@pytest.mark.parametrize("n", [8, 60, 1000])
def test_a_steady_share_is_seldom_an_alarm_whatever_the_number_of_requests(n: int, p: float) -> None:
    wholes = np.full((QUIET + 80, 80), float(n))
    parts = np.asarray(DRAW.binomial(n, p, wholes.shape), np.float64)
    strange = scores("class.a.share", parts, wholes, effects=[{"signal": "*"}])
    assert (strange[QUIET:] >= 1).mean() <= 5 * ALPHA


@pytest.mark.parametrize("mean", [2.0, 20.0, 900.0])
def test_a_steady_rate_is_seldom_an_alarm_whatever_its_size(mean: float) -> None:
    wholes = 1.0 + DRAW.poisson(mean, (QUIET + 80, 80))
    strange = scores("rate", 0 * wholes, wholes, effects=[{"signal": "*"}])
    assert (strange[QUIET:] >= 1).mean() <= 5 * ALPHA


@pytest.mark.parametrize("signal", ["error_rate", "rate"])
def test_a_series_that_varies_more_than_its_requests_explain_is_judged_by_what_it_varies(signal: str) -> None:
    crowd = DRAW.gamma(9, 1 / 9, (QUIET + 80, 80))
    wholes = np.ceil(400 * crowd) if signal == "rate" else np.full(crowd.shape, 400.0)
    parts = np.asarray(DRAW.binomial(400, np.minimum(0.1 * crowd, 1)), np.float64)
    strange = scores(signal, parts, wholes, effects=[{"signal": "*"}])
    assert (strange[QUIET:] >= 1).mean() <= 0.005


def test_a_quiet_night_is_no_alarm() -> None:
    """The traffic fades to two requests a window; one error among them is half of them."""
    wholes = np.full((120, 200), 300.0)
    wholes[60:] = 2.0
    parts = np.asarray(DRAW.binomial(wholes.astype(int), 0.01), np.float64)
    assert (scores("error_rate", parts, wholes)[60:] >= 1).mean() <= 0.002


def test_a_burst_of_errors_on_few_requests_is_an_alarm_and_a_single_error_is_none() -> None:
    wholes = np.full((60, 3), 300.0)
    wholes[50:] = 6.0
    parts = np.where(np.arange(60)[:, None] < 50, 1.0, [0.0, 1.0, 5.0])
    assert (scores("error_rate", parts, wholes)[50] >= 1).tolist() == [False, False, True]


def test_a_median_of_no_errors_does_not_mean_that_errors_cannot_be() -> None:
    wholes = np.full((QUIET + 100, 100), 30.0)
    parts = np.asarray(DRAW.binomial(30, 0.015, wholes.shape), np.float64)
    assert (scores("error_rate", parts, wholes)[QUIET:] >= 1).mean() <= 3 * ALPHA


@pytest.mark.parametrize(("hits", "n", "level"), [(9, 100, 0.02), (40, 400, 0.05), (3, 7, 0.01)])
def test_a_share_has_the_tail_of_the_binomial(hits: int, n: int, level: float) -> None:
    p = judged("error_rate", hits / n, n, level, 10**9).p_values[0]
    assert p == pytest.approx(2 * binom.sf(hits - 1, n, level), rel=1e-4)


@pytest.mark.parametrize("count", [120, 160, 70])
def test_a_rate_has_the_tail_of_the_poisson_distribution(count: int) -> None:
    p = judged("rate", count / WINDOW_S, count, 10.0, count).p_values[0]
    moved = 100 + np.log(2) * np.sign(count - 100)
    tail = poisson.sf(count - 1, moved) if count > 100 else poisson.cdf(count, moved)
    assert p == pytest.approx(2 * tail, rel=1e-6)


def test_twice_the_variance_counts_as_half_the_requests() -> None:
    spread = np.sqrt(2 * 0.1 * 0.9 / 1e6)
    doubled = judged("error_rate", 0.2, 200, 0.1, 10**6, spread).p_values[0]
    assert doubled == pytest.approx(judged("error_rate", 0.2, 100, 0.1, 10**6).p_values[0], rel=1e-3)


def test_only_shares_and_rates_are_spoken_of_and_a_window_without_requests_has_no_verdict() -> None:
    assert len(judged("latency_ms.p95", 0.1, 9, 0.1, 9).rows) == 0
    marks = judged("error_rate", 0.0, 0, 0.1, 9)
    assert (marks.reasons, marks.p_values.tolist()) == (["no_requests"], [1.0])


def test_fewer_errors_than_usual_are_no_alarm() -> None:
    wholes = np.full((60, 2), 1000.0)
    parts = np.where(np.arange(60)[:, None] < 50, 300.0, [0.0, 600.0])
    assert (scores("error_rate", parts, wholes)[50] >= 1).tolist() == [False, True]
