"""What is blamed, and in which words."""

import pytest

from models.incident import IncidentData
from tests.correlate_cases import BUSY, SLOW, WRONG, Run, Strange, change, seen, window


def last(run: Run) -> IncidentData:
    return run.events[-1].data


def cause(run: Run) -> tuple[str, str]:
    return last(run).root_cause.category, last(run).root_cause.entity


def test_a_cpu_hog_on_the_node_is_blamed_and_said_in_words() -> None:
    run = Run("checkout")
    run.go(5)
    run.go(1, None, BUSY)
    run.go(4, SLOW, BUSY)
    assert cause(run) == ("resource_saturation", "node/n1")
    assert last(run).title == (
        "checkout: p95 latency 4x its expectation since 22:14:20; "
        "most likely CPU saturation on node/n1 (began 10 s earlier)"
    )
    block = last(run).correlation
    assert block.type == "joined" and block.lag_s == 10.0 and block.lag_interval_s == (0.0, 20.0)
    assert "node/n1" in last(run).advice


def test_a_service_that_waits_under_idle_machines_is_blamed_on_its_dependencies() -> None:
    run = Run("fraud")
    run.go(5)
    run.go(5, SLOW, {"node.run_queue": (19.0, 1.0, 9.0)})
    assert cause(run) == ("dependency", "service/fraud")
    assert "waits for something unseen" in last(run).root_cause.candidates[0].argument
    assert "dependenc" in last(run).root_cause.method


def test_a_small_rise_of_cpu_by_an_observer_does_not_beat_the_wait() -> None:
    run = Run("fraud")
    run.go(5)
    run.go(5, SLOW, {"node.cpu.utilization": (1.4, 0.45, 0.4), "node.context_switches": (9.0, 9000.0, 5000.0)})
    assert cause(run) == ("dependency", "service/fraud")


@pytest.mark.parametrize(("kind", "category"), [("model_version", "model_version"), ("deploy", "deployment")])
def test_a_change_before_strange_answers_is_blamed_even_beside_a_busy_node(kind: str, category: str) -> None:
    run = Run("fraud")
    run.go(5)
    run.go(5, WRONG, BUSY, [change("fraud", window(5)[0] + 2_000, kind)])
    assert cause(run) == (category, "service/fraud")
    assert [one.ref for one in last(run).changes] == ["v2"]


def test_a_change_is_blamed_for_slowness_when_no_machine_is_short_and_not_when_one_is() -> None:
    for node, category in ((None, "deployment"), (BUSY, "resource_saturation")):
        run = Run("fraud")
        run.go(5)
        run.go(5, SLOW, node, [change("fraud", window(5)[0] - 3_000)])
        assert cause(run)[0] == category


def test_a_change_long_before_the_onset_is_no_suspect() -> None:
    run = Run("fraud")
    run.go(20, changes=[change("fraud", window(0)[0])])
    run.go(5, WRONG)
    assert cause(run) == ("input_drift", "service/fraud") and last(run).changes == []


@pytest.mark.parametrize(
    ("own", "node", "category", "entity"),
    [
        ({"inputs.outlier_share": (6.0, 0.4, 0.02)}, None, "input_drift", "service/fraud"),
        ({"feature.age.missing_rate": (6.0, 0.4, 0.02)}, None, "data_quality", "service/fraud"),
        (WRONG, BUSY, "input_drift", "service/fraud"),
        ({"rate": (9.0, 90.0, 10.0), "latency_ms.p95": (5.0, 90.0, 30.0)}, None, "traffic_surge", "service/fraud"),
        (SLOW, {"node.oom_kills": (9.0, 2.0, 0.0)}, "oom", "node/n2"),
        (SLOW, {"node.disk.io_time": (9.0, 0.9, 0.1)}, "storage", "node/n2"),
        (SLOW, {"node.network.errors": (9.0, 50.0, 0.0)}, "network", "node/n2"),
        ({"error_rate": (9.0, 0.4, 0.0)}, {"gpu.errors": (9.0, 4.0, 0.0)}, "gpu_fault", "node/n2"),
        (SLOW, {"gpu.utilization": (9.0, 0.99, 0.4)}, "resource_saturation", "node/n2"),
        (SLOW, {"node.memory.available": (9.0, 1e6, 8e9)}, "resource_saturation", "node/n2"),
    ],
)
def test_each_kind_of_trouble_has_its_category(own: Strange, node: Strange | None, category: str, entity: str) -> None:
    run = Run("fraud")
    run.go(5)
    run.go(5, own, node)
    assert cause(run) == (category, entity)


def test_a_busy_node_after_the_onset_counts_for_less_than_one_before() -> None:
    scores = []
    for lead in (1, -3):
        run = Run("fraud")
        run.go(5)
        if lead > 0:
            run.go(lead, None, BUSY)
        run.go(3, SLOW, BUSY if lead > 0 else None)
        run.go(4, SLOW, BUSY)
        run.go(3)
        scores.append(next(c.score for c in last(run).root_cause.candidates if c.entity == "node/n2"))
    assert scores[0] > 1.5 * scores[1]


def test_confidences_are_shares_and_the_unknown_has_one() -> None:
    run = Run("checkout")
    run.go(5)
    run.go(5, SLOW, BUSY)
    candidates = last(run).root_cause.candidates
    assert abs(sum(one.confidence for one in candidates) - 1) < 1e-3
    assert "unknown" in [one.category for one in candidates] and all(one.argument for one in candidates)


def test_a_called_service_that_is_strange_explains_slowness_when_it_has_not_opened() -> None:
    run = Run("checkout")
    run.go(4, None, None, dependency_fraud=None)
    run.go(1, SLOW, None, dependency_fraud={"latency_ms.p95": (7.0, 200.0, 30.0)})
    run.go(2, SLOW, None, dependency_fraud=None)
    assert run.kinds[0] == "opened" and cause(run) == ("dependency", "service/fraud")


def test_silent_telemetry_is_a_suspect() -> None:
    run = Run("fraud")
    run.go(3)
    for index in range(3, 7):
        run.step([seen("fraud", "service/fraud", "self", "model", index, WRONG)])
    named = [(one.category, one.entity) for one in last(run).root_cause.candidates]
    assert ("telemetry_loss", "node/n2") in named[:2]
