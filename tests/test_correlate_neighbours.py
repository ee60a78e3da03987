"""Callers join the incident of the service they wait for."""

from models.config import Pipeline
from models.correlate import is_open
from models.correlate_state import unpack
from tests.correlate_cases import SLOW, WRONG, Run, Strange, settings

SLOWER: Strange = {"latency_ms.p95": (9.0, 300.0, 30.0)}


def test_a_caller_of_a_slow_service_opens_no_incident_of_its_own() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(8, SLOW, dependency_fraud=SLOWER)
    run.go(12, dependency_fraud=None)
    assert run.events == []


def test_the_incident_of_the_slow_service_lists_its_suffering_caller() -> None:
    run = Run("fraud")
    run.go(5, caller_checkout=None)
    run.go(6, SLOWER, caller_checkout=SLOW)
    data = run.events[-1].data
    assert data.grouping.members == ["checkout"] and data.impact.services == ["fraud", "checkout"]


def test_a_caller_that_opened_first_is_merged_into_the_incident_that_the_service_itself_writes() -> None:
    caller, called = Run("checkout"), Run("fraud")
    for own, other in [(None, None)] * 5 + [(SLOW, None)] * 2 + [(SLOW, SLOWER)] * 4:
        caller.go(1, own, dependency_fraud=other)
        called.go(1, other, caller_checkout=own)
    assert caller.kinds == ["opened", "merged"]
    assert caller.events[1].data.status == "merged"
    assert caller.events[1].data.grouping.merged_into == called.events[0].data.incident_id
    assert not is_open(unpack(caller.state))


def test_opening_waits_one_window_for_a_called_service_that_is_turning() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(1, SLOW, dependency_fraud=None)
    run.go(1, SLOW, dependency_fraud=SLOWER)
    assert run.events == []
    run.go(3, SLOW, dependency_fraud=SLOWER)
    assert run.events == []


def test_opening_waits_no_longer_than_that() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(1, SLOW, dependency_fraud=SLOWER)
    run.go(1, SLOW, dependency_fraud=None)
    assert run.events == []
    (event,) = run.go(1, SLOW, dependency_fraud=None)
    assert event.type.endswith("opened.v1")
    assert event.data.timeline.detected_at < event.data.timeline.opened_at


def test_symptoms_that_a_slow_service_does_not_explain_open_an_incident() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(4, {**SLOW, **WRONG}, dependency_fraud=SLOWER)
    assert run.kinds[0] == "opened"


def test_such_symptoms_open_one_even_after_joining() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(4, SLOW, dependency_fraud=SLOWER)
    assert run.events == []
    run.go(3, WRONG, dependency_fraud=SLOWER)
    assert run.kinds[0] == "opened"


def test_strange_answers_of_a_called_service_explain_strange_inputs_here() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(5, {"feature.fraud_score.mean": (5.0, 0.8, 0.1)}, dependency_fraud=WRONG)
    assert run.events == []


def test_after_both_are_calm_a_new_episode_opens_again() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(4, SLOW, dependency_fraud=SLOWER)
    run.go(8, dependency_fraud=None)
    run.go(3, SLOW, dependency_fraud=None)
    assert run.kinds[0] == "opened"


def test_services_that_call_each_other_do_not_both_give_way() -> None:
    topology = {"services": {"checkout": {"calls": ["fraud"]}, "fraud": {"calls": ["checkout"]}}}
    made = settings(topology=topology)
    assert isinstance(made.pipeline, Pipeline)
    one, two = Run("checkout", made), Run("fraud", made)
    for run, other in ((one, "dependency_fraud"), (two, "dependency_checkout")):
        run.go(5, None, None, None, **{other: None})
        run.go(5, SLOW, None, None, **{other: SLOW})
    assert bool(one.events) != bool(two.events)


def test_of_a_chain_the_deepest_service_is_followed() -> None:
    topology = {"services": {"checkout": {"calls": ["fraud"]}, "fraud": {"calls": ["geo"]}, "geo": {}}}
    run, geo = Run("checkout", settings(topology=topology)), Run("geo", settings(topology=topology))
    run.go(5, dependency_fraud=None, dependency_geo=None)
    run.go(2, SLOW, dependency_fraud=None, dependency_geo=None)
    run.go(3, SLOW, dependency_fraud=SLOWER, dependency_geo=SLOWER)
    geo.go(7)
    geo.go(3, SLOWER)
    assert run.events[-1].data.grouping.merged_into == geo.events[0].data.incident_id
