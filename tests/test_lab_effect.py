"""The test that says when requests first suffered, on tables whose truth is known by hand."""

import pytest

from crosstide.lab.clock import iso
from crosstide.lab.effect import Request, first_effect
from crosstide.lab.faults import kinds
from crosstide.lab.plan import Slot
from crosstide.lab.truth import Done, truth

START, END = 1_000_000, 1_040_000  # a fault of 40 s
FROM = START - 60_000


def steady(latency: float = 10.0, confidence: float = 0.9, until: int = END) -> list[Request]:
    """Ten requests a second; latency takes the values -1, 0, +1 around its middle in turn."""
    return [
        Request(at, latency + (at // 100) % 3 - 1, confidence + 0.01 * ((at // 100) % 3 - 1), False)
        for at in range(FROM, until, 100)
    ]


def changed(since: int, until: int = END, **what: object) -> list[Request]:
    return [r._replace(**what) if since <= r.at_ms < until else r for r in steady()]  # type: ignore[arg-type]


def test_steady_requests_suffer_from_nothing() -> None:
    assert first_effect({"checkout": steady()}, START, END, FROM) is None


def test_slower_requests_are_dated_to_the_bin_in_which_they_slowed_down() -> None:
    effect = first_effect({"checkout": changed(START + 10_000, latency_ms=30.0)}, START, END, FROM)
    assert effect is not None
    assert (effect.at_ms, effect.service, effect.measure) == (START + 10_000, "checkout", "latency_ms.p50")
    assert (effect.before, effect.during) == (10.0, 30.0)


def test_a_single_bad_bin_is_chance() -> None:
    rows = changed(START + 10_000, START + 15_000, latency_ms=30.0)
    assert first_effect({"checkout": rows}, START, END, FROM) is None


def test_a_change_below_the_floor_is_not_suffering_however_steady_it_was_before() -> None:
    assert first_effect({"checkout": changed(START, latency_ms=12.4)}, START, END, FROM) is None
    assert first_effect({"checkout": changed(START, latency_ms=12.6)}, START, END, FROM) is not None


def test_faster_and_more_confident_is_no_suffering() -> None:
    rows = changed(START, latency_ms=2.0, confidence=1.0)
    assert first_effect({"checkout": rows}, START, END, FROM) is None


def test_lost_confidence_is_named_with_its_values() -> None:
    effect = first_effect({"fraud": changed(START + 5_000, confidence=0.6)}, START, END, FROM)
    assert effect is not None
    assert (effect.at_ms, effect.measure) == (START + 5_000, "confidence.mean")
    assert effect.before == pytest.approx(0.9, abs=1e-3)
    assert effect.during == pytest.approx(0.6)


def test_errors_without_answers_are_found() -> None:
    rows = changed(START, latency_ms=None, confidence=None, failed=True)
    effect = first_effect({"fraud": rows}, START, END, FROM)
    assert effect is not None
    assert (effect.at_ms, effect.measure, effect.before, effect.during) == (START, "error_rate", 0.0, 1.0)


def test_the_service_that_suffered_first_is_named() -> None:
    services = {
        "checkout": changed(START + 15_000, latency_ms=90.0),
        "fraud": changed(START + 5_000, latency_ms=30.0),
    }
    effect = first_effect(services, START, END, FROM)
    assert effect is not None
    assert (effect.service, effect.at_ms) == ("fraud", START + 5_000)


def test_too_little_quiet_before_a_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="only 2 bins of quiet"):
        first_effect({"fraud": steady()}, START, END, START - 10_001)


def test_truth_names_accepted_causes_for_a_fault_and_none_for_a_trap() -> None:
    made = []
    for kind in ("slow_dependency", "busy_node"):
        found = kinds()[kind]
        slot = Slot(f"f1-{kind}", kind, 0.0, 40.0, 0.5, found.targets[0], seed=1)
        rows = [_record(r) for r in changed(START, latency_ms=30.0)]
        made += truth(9, FROM, END, [Done(slot, found, START, END)], rows)["faults"]
    assert (made[0]["trap"], made[0]["categories"], made[0]["entities"]) == (False, ["dependency"], ["service/fraud"])
    assert (made[1]["trap"], made[1]["categories"], made[1]["entities"]) == (True, [], [])
    assert made[0]["effect_at"] == iso(START)
    assert made[0]["effect"] == {"service": "fraud", "measure": "latency_ms.p50", "before": 10.0, "during": 30.0}


def _record(row: Request) -> dict[str, object]:
    return {"service": "fraud", "timestamp": iso(row.at_ms), "latency_ms": row.latency_ms, "confidence": row.confidence}
