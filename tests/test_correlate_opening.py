"""When an incident opens, changes and resolves."""

from models.correlate import is_open
from models.correlate_state import unpack
from models.episode import incident_id
from tests.correlate_cases import BUSY, SIZE, SLOW, T0, Run, change, fused, multivariate, seen, settings, window


def test_two_of_three_strange_windows_open_and_the_onset_is_the_first_of_them() -> None:
    run = Run("checkout")
    run.go(3)
    run.go(1, SLOW)
    run.go(1)
    assert run.events == []
    (event,) = run.go(1, SLOW)
    assert event.type == "io.crosstide.incident.opened.v1"
    assert event.data.timeline.onset_at == "2023-11-14T22:13:50.000Z"
    assert event.data.incident_id == incident_id("checkout", "default", "model_opens", T0 + 3 * SIZE)
    assert event.id == f"{event.data.incident_id}/1" and event.source == "/crosstide/default"


def test_two_strange_windows_further_apart_than_n_do_not_open() -> None:
    run = Run("checkout")
    for own in (SLOW, None, None, SLOW, None, None):
        run.go(1, own)
    assert run.events == []


def test_windows_that_never_came_count_as_not_strange() -> None:
    run = Run("checkout")
    run.go(1, SLOW)
    run.step([])
    run.step([])
    run.go(1, SLOW)
    assert run.events == []


def test_a_busy_node_that_hurts_nobody_opens_nothing() -> None:
    run = Run("checkout")
    run.go(2)
    run.go(10, None, BUSY)
    assert run.events == []


def test_a_harmless_deploy_opens_nothing() -> None:
    run = Run("checkout")
    run.go(5)
    run.go(10, changes=[change("checkout", window(5)[0])])
    assert run.events == []


def test_a_signal_that_may_not_open_does_not() -> None:
    run = Run("checkout")
    run.go(8, {"queue.depth": (9.0, 80.0, 2.0)})
    assert run.events == []


def test_a_multivariate_verdict_counts_by_its_top_contribution() -> None:
    for top, opens in (("latency_ms.p95", True), ("queue.depth", False)):
        run = Run("checkout")
        for index in range(3):
            one = seen("checkout", "service/checkout", "self", "model", index, level=3.0)
            scores = [multivariate("checkout", "service/checkout", "model", index, 3.0, top), *one.scores]
            run.step([type(one)(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "scores": scores})])
        assert bool(run.events) is opens


def test_telemetry_opens_alone_only_where_there_never_was_a_model_stream() -> None:
    run = Run("db")
    for index in range(4):
        run.step([seen("db", "node/n9", "carrier", "infra", index, BUSY)])
    assert run.kinds == ["opened"]
    data = run.events[0].data
    assert data.correlation.type == "infra_only" and data.correlation.rule == "infra_only"
    assert (data.root_cause.entity, data.root_cause.category) == ("node/n9", "resource_saturation")
    served = Run("db")
    served.go(1)
    for index in range(1, 6):
        served.step([seen("db", "node/n2", "carrier", "infra", index, BUSY)])
    assert served.events == []


def test_telemetry_does_not_open_alone_when_it_is_told_not_to() -> None:
    run = Run("db", settings(opening={"infra_only": False}))
    for index in range(4):
        run.step([seen("db", "node/n9", "carrier", "infra", index, BUSY)])
    assert run.events == []


def test_continuous_calm_for_the_clear_time_resolves() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    run.go(2)
    assert run.kinds[-1] != "resolved"
    (event,) = run.go(1)
    assert event.data.status == "resolved" and event.data.timeline.resolved_at == "2023-11-14T22:14:20.000Z"
    assert event.data.timeline.last_seen_at == "2023-11-14T22:13:50.000Z"
    assert not is_open(unpack(run.state))


def test_a_window_between_the_thresholds_breaks_the_calm() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    run.go(2)
    run.step([seen("checkout", "service/checkout", "self", "model", 5, level=0.8)])
    run.go(2)
    assert "resolved" not in run.kinds


def test_absent_outputs_never_resolve() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    for index in range(3, 20):
        run.step([seen("checkout", "service/checkout", "self", "model", index, n=0, level=0.0)])
    for _ in range(20):
        run.step([])
    assert "resolved" not in run.kinds


def test_absent_telemetry_of_a_carrier_never_resolves_until_it_is_back() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    for index in range(3, 15):
        run.step([seen("checkout", "service/checkout", "self", "model", index)])
    assert "resolved" not in run.kinds
    run.go(3)
    assert run.kinds[-1] == "resolved"


def test_quiet_windows_write_nothing_and_a_rising_severity_does() -> None:
    run = Run("checkout")
    run.go(3)
    run.go(30, SLOW, BUSY)
    assert run.kinds[0] == "opened" and 1 <= run.kinds.count("updated") <= 3
    assert all(event.data.transition.reason.startswith("changed: ") for event in run.events[1:])
    numbers = [event.severitynumber for event in run.events]
    assert numbers == sorted(numbers)
    assert [event.sequence for event in run.events] == [f"{i:08d}" for i in range(1, len(numbers) + 1)]


def test_a_second_episode_is_a_second_incident_that_names_the_first() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    run.go(6)
    run.go(3, SLOW)
    first, second = (event for event in run.events if event.type.endswith("opened.v1"))
    assert first.data.incident_id != second.data.incident_id
    assert second.data.grouping.previous_incident_id == first.data.incident_id


def test_unjudged_windows_are_not_calm() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    for index in range(3, 10):
        one = seen("checkout", "service/checkout", "self", "model", index)
        line = fused("checkout", "service/checkout", "model", index, 0.0)
        warming = type(line)(**{**{f: getattr(line, f) for f in line.__struct_fields__}, "status": "warming_up"})
        run.step([type(one)(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "scores": [warming]})])
    assert "resolved" not in run.kinds
