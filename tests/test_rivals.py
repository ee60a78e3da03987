"""The rivals: when they alert, how alerts are grouped, and how they are held against the truth."""

import numpy as np
import pytest

from bench.lab_truth import Truth
from bench.rivals import Alert, limits_of, series_of, static_alerts, z_alerts
from bench.rivals_judge import judge_alerts
from crosstide.score_input import Fault
from models.frame import Frame
from tests.core_cases import T0, frame_of

WINDOW = 10_000
LATENCY, CONFIDENCE = ("service/fraud", "latency_ms.p95"), ("service/fraud", "confidence.mean")
Frames = list[tuple[int, Frame]]


def frames(values: list[float], key: tuple[str, str] = LATENCY) -> Frames:
    return [(T0 + (n + 1) * WINDOW, frame_of({key: value})) for n, value in enumerate(values) if not np.isnan(value)]


def alert(entity: str, onset: float, end: float, strength: float = 5.0) -> Alert:
    at = [T0 + round(1000 * s) for s in (onset, onset + 10, end)]
    return Alert(entity, "x", at[0], at[1], at[2], strength)


def fault(id_: str, start: float, end: float, effect: float | None, *, trap: bool = False) -> Fault:
    at = [T0 + round(1000 * s) for s in (start, end, effect or 0)]
    accepted = frozenset([("node/n1", "resource_saturation")])
    return Fault(id_, "cpu_hog", trap, at[0], at[1], None if effect is None else at[2], accepted)


def truth(*faults: Fault) -> Truth:
    said = {f.id: {"kind": f.kind, "target": "node/n1", "intensity": 0.5, "effect": None} for f in faults}
    return Truth("judge", list(faults), said, 0.5, WINDOW)


CALM = [10.0, 11.0, 9.0, 10.5, 9.5] * 8


def test_series_hold_the_values_of_each_signal_in_order_of_time() -> None:
    assert series_of(reversed(frames([1.0, 2.0]))) == {
        "service/fraud latency_ms.p95": [(T0 + WINDOW, 1.0), (T0 + 2 * WINDOW, 2.0)]
    }


def test_a_static_threshold_alerts_at_once_and_consecutive_windows_are_one_alert() -> None:
    sent = static_alerts(frames([10, 20, 30, 10, 20]), limits_of(frames(CALM)), WINDOW)
    times = [((a.onset_ms - T0) // 1000, (a.opened_ms - T0) // 1000, (a.end_ms - T0) // 1000) for a in sent]
    assert times == [(10, 20, 30), (40, 50, 50)]
    assert sent[0].strength > sent[1].strength > 0


@pytest.mark.parametrize(("key", "values"), [(LATENCY, [1.0, 1.0]), (CONFIDENCE, [99.0, 99.0])])
def test_what_is_better_than_the_reference_does_not_alert(key: tuple[str, str], values: list[float]) -> None:
    assert static_alerts(frames(values, key), limits_of(frames(CALM, key)), WINDOW) == []


@pytest.mark.parametrize(("key", "value"), [(CONFIDENCE, 1.0), (("service/fraud", "rate"), 1.0),
                                            (("service/fraud", "rate"), 99.0)])  # fmt: skip
def test_confidence_alerts_below_and_the_rate_on_both_sides(key: tuple[str, str], value: float) -> None:
    assert len(static_alerts(frames([value], key), limits_of(frames(CALM, key)), WINDOW)) == 1


def test_a_series_that_the_reference_lacks_has_no_threshold() -> None:
    assert static_alerts(frames([1e9]), {}, WINDOW) == []


@pytest.mark.parametrize(("tail", "alerts"), [([50], 0), ([50, 50], 1), ([50, 50, 50, 10, 50], 1), ([50, 10, 50], 0),
                                              ([50, np.nan, 50], 0), ([1, 1], 1)])  # fmt: skip
def test_the_z_score_alerts_on_two_strange_windows_in_a_row(tail: list[float], alerts: int) -> None:
    assert len(z_alerts(frames([*CALM, *tail]), WINDOW)) == alerts


def test_the_z_score_says_nothing_before_twelve_windows_nor_of_a_hair_on_a_resting_series() -> None:
    assert z_alerts(frames([10, 11, 9, 50, 50]), WINDOW) == []
    assert z_alerts(frames([5.0] * 20 + [5.01, 5.01]), WINDOW) == []
    assert len(z_alerts(frames([5.0] * 20 + [9.0, 9.0]), WINDOW)) == 1


def test_a_fault_is_found_by_any_alert_near_and_its_cause_is_the_strongest_ones_subject() -> None:
    sent = [alert("service/fraud", 105, 120, 9.0), alert("node/n1", 100, 300, 8.0), alert("node/n2", 140, 150, 7.0)]
    counts = judge_alerts(truth(fault("f", 98, 140, 100)), sent)
    assert (counts.found, counts.faults, counts.right, counts.judged, counts.alerts) == (1, 1, 3, 3, 3)
    assert (counts.hit_1, counts.hit_3) == (0, 1)
    assert counts.delays == (1.0,)
    # subjects named: fraud, n1, n2; one is right
    assert [counts.chance_1, counts.chance_3] == pytest.approx([1 / 3, 1.0])
    assert counts.rows[0]["cause"] == "service/fraud"


def test_alerts_far_from_any_fault_are_false_those_on_traps_counted_and_those_on_harmless_faults_left_out() -> None:
    faults = [fault("f", 100, 140, 100), fault("t", 300, 340, None, trap=True), fault("h", 600, 640, None)]
    sent = [alert("node/n1", 310, 320), alert("node/n1", 610, 620), alert("node/n1", 900, 910)]
    counts = judge_alerts(truth(*faults), sent)
    assert (counts.found, counts.right, counts.judged, counts.on_traps, counts.without_effect) == (0, 0, 2, 1, 1)
    assert counts.rows[0]["found"] is False


def test_an_alert_that_begins_late_in_a_long_fault_is_right_but_does_not_find_it() -> None:
    counts = judge_alerts(truth(fault("f", 100, 400, 100)), [alert("node/n1", 300, 310)])
    assert (counts.found, counts.right) == (0, 1)
