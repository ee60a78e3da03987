"""The statistics of a window become signals: right values, known names, finite whatever came."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config import Limits
from models.drift_sample import Observed
from models.features import model_frame
from models.frame import Frame
from models.model_blob import pack_model_outputs
from models.model_pane import fold_blobs as fold_outputs
from models.records import ModelOutput, Telemetry
from models.signals import is_model_signal
from models.telemetry_blob import pack_telemetry
from models.telemetry_features import telemetry_frame
from models.telemetry_pane import fold_blobs as fold_telemetry
from tests.core_cases import T0

WINDOW = 10_000
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def of_outputs(told: Iterable[dict[str, Any]], limits: Limits | None = None) -> Frame:
    """The frame of records of one service, whose ids are their places."""
    limits = limits or Limits()
    records = [ModelOutput(service="a", timestamp=0, request_id=f"r{n}", **fields) for n, fields in enumerate(told)]
    blob = pack_model_outputs(records, [T0] * len(records), [0] * len(records))
    return model_frame(fold_outputs([blob], limits)[0], WINDOW, limits)


def of_samples(values: Iterable[float], every: int = 1_000, **fields: Any) -> Frame:
    """The frame of one metric, sampled every second."""
    records = [Telemetry(**{"timestamp": 0, "metric": "x.load", "node": "n1", **fields, "value": v}) for v in values]
    blob = pack_telemetry(records, [T0 + every * n for n in range(len(records))], [0] * len(records))
    return telemetry_frame(fold_telemetry([blob], {})[0], WINDOW)


def signals(frame: Frame) -> dict[str, float]:
    return dict(zip(frame.signals, frame.values.tolist(), strict=True))


def test_every_signal_of_model_outputs_is_one_that_is_documented() -> None:
    frame = of_outputs([{"latency_ms": 3.0, "confidence": 0.5, "prediction": p, "features": {"age": 1.0}}
                        for p in ("cat", 2.0, True)])  # fmt: skip
    assert len(frame.signals) == 14
    assert all(map(is_model_signal, frame.signals))


def test_signals_of_model_outputs_equal_a_slow_truth() -> None:
    noise = np.random.default_rng(3)
    latency, confidence = noise.lognormal(3, 1, 500), noise.beta(8, 2, 500)
    told = [
        {"latency_ms": x, "confidence": c, "error": n % 10 == 0, "prediction": ["cat", "dog", "cow", "cat"][n % 4],
         "features": {"age": float(n), "city": "Rome"} if n % 5 else {"city": "Rome"}}
        for n, (x, c) in enumerate(zip(latency.tolist(), confidence.tolist(), strict=True))
    ]  # fmt: skip
    found = signals(of_outputs(told))
    assert found["rate"] == 50.0
    assert found["error_rate"] == 0.1
    assert found["latency_ms.mean"] == pytest.approx(latency.mean())
    for q in (50, 95, 99):
        assert found[f"latency_ms.p{q}"] == pytest.approx(
            np.quantile(latency, q / 100, method="inverted_cdf"), rel=0.01
        )
    assert found["confidence.mean"] == pytest.approx(confidence.mean())
    assert found["confidence.p10"] == pytest.approx(np.quantile(confidence, 0.1, method="inverted_cdf"), abs=1 / 512)
    assert [found[f"class.{name}.share"] for name in ("cat", "dog", "cow")] == [0.5, 0.25, 0.25]
    assert found["class.entropy"] == pytest.approx(1.5 * np.log(2))
    # half of the ages that are missing belong to failed requests, which owe none
    assert found["feature.age.missing_rate"] == pytest.approx(1 / 9)
    assert found["feature.city.missing_rate"] == 0.0
    assert found["feature.age.mean"] == pytest.approx(np.mean([n for n in range(500) if n % 5]))
    assert "feature.city.mean" not in found


def test_what_no_record_has_makes_no_signal() -> None:
    assert signals(of_outputs([{}, {}])) == {"rate": 0.2, "error_rate": 0.0}


def test_one_class_alone_has_no_entropy() -> None:
    assert signals(of_outputs([{"prediction": "cat"}] * 3))["class.entropy"] == 0


def test_a_share_has_a_sampling_error_at_both_ends() -> None:
    for error in (False, True):
        frame = of_outputs([{"error": error}] * 20)
        assert 0 < frame.errors[frame.signals.index("error_rate")] < 0.1


def test_classes_and_features_are_bounded_by_the_limits() -> None:
    told = [{"prediction": f"c{n % (1 + n // 10)}", "features": {f"f{n:02}": 1.0}} for n in range(60)]
    frame = of_outputs(told, Limits(max_classes=3, max_features=4, sample=5))
    shares = [name for name in frame.signals if name.endswith(".share")]
    assert shares == ["class.c0.share", "class.c1.share", "class.c2.share"]
    assert [n for n in frame.signals if n.endswith(".mean")] == [f"feature.f0{n}.mean" for n in range(4)]
    assert len(frame.samples["service/a"].vectors) == 5


def test_what_drift_is_counted_from_covers_all_answers_and_samples_the_numbers() -> None:
    told: list[dict[str, Any]] = [
        {"prediction": float(n), "confidence": 0.5, "features": {"age": float(n), "city": "Rome", "sum": None}}
        for n in range(30)
    ]
    found = of_outputs([*told, {"prediction": "cat"}, {"prediction": "cat"}], Limits(sample=20)).samples["service/a"]
    assert isinstance(found, Observed)
    assert (found.n, found.with_features, found.present) == (32, 30, {"age": 30, "city": 30})
    assert (found.confidence.sum(), found.confidence[128], found.classes) == (30, 30, {"cat": 2})
    assert len(found.predictions) == len(found.vectors) == 20


def test_a_sample_holds_the_vectors_as_they_came_absent_values_as_nan() -> None:
    sample = of_outputs([{"features": {"age": 3.0, "city": "Rome", "sum": None}}]).samples["service/a"]
    assert sample.features == ["age", "city"]
    assert sample.vectors.tolist() == [[3.0, pytest.approx(np.nan, nan_ok=True)]]


def test_a_gauge_has_level_spread_and_slope() -> None:
    found = signals(of_samples([1, 2, 3, 4, 5, 6]))
    assert found == {"x.load": 3.5, "x.load.slope": 1.0, "x.load.spread": pytest.approx(np.std([1, 2, 3, 4, 5, 6]))}


def test_few_samples_of_a_gauge_say_nothing_of_spread_and_slope() -> None:
    assert signals(of_samples([1, 9, 2, 7])) == {"x.load": 4.75}


@pytest.mark.parametrize("level", [0.0, 0.1, 1 / 3, 1e9 + 0.1, 1e99])
def test_a_gauge_that_stands_still_has_no_spread_at_all(level: float) -> None:
    assert signals(of_samples([level] * 7))["x.load.spread"] == 0


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [("counter", [5, 7, 11], 3.0), ("counter", [5, 1, 3], 1.5), ("delta", [5, 7, 8], 2.0), ("event", [1, 1, 1], 3.0)],
)
def test_counters_and_deltas_are_rates_per_second_and_events_are_counted(
    kind: str, values: list[float], told: float
) -> None:
    assert signals(of_samples(values, kind=kind)) == {"x.load": told}


def test_a_counter_seen_once_makes_no_signal_and_an_empty_frame_is_a_frame() -> None:
    frame = of_samples([5], kind="counter")
    assert (frame.signals, frame.values.shape, frame.counts.shape, frame.errors.shape) == ([], (0,), (0,), (0,))


def test_foreign_names_of_machine_signals_become_ours_and_named_services_are_kept() -> None:
    frame = of_samples([0.5], metric="system.cpu.utilization", service="checkout")
    assert (frame.subjects, frame.signals) == (["node/n1"], ["node.cpu.utilization"])
    assert frame.services == {"node/n1": ["checkout"]}


@settings(deadline=None, max_examples=40)
@given(st.lists(FINITE, min_size=1, max_size=9), st.sampled_from(["gauge", "counter", "delta", "event"]))
def test_whatever_numbers_come_every_signal_is_finite(values: list[float], kind: str) -> None:
    told = [{"latency_ms": x, "confidence": x, "prediction": x, "features": {"age": x}} for x in values]
    for frame in (of_outputs(told), of_samples(values, kind=kind)):
        assert np.isfinite(frame.values).all()
        assert np.isfinite(frame.errors).all()
