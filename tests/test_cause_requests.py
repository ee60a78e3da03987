"""What is blamed where the requests themselves changed, or came in numbers."""

import pytest

from tests.correlate_cases import BUSY, SLOW, WRONG, Run, Strange


def cause(own: Strange, node: Strange | None = None) -> tuple[str, str, str]:
    run = Run("fraud")
    run.go(5)
    run.go(5, own, node)
    best = run.events[-1].data.root_cause
    return best.category, best.entity, best.candidates[0].argument


def test_a_surge_is_blamed_before_the_machine_that_it_fills() -> None:
    category, entity, said = cause({**SLOW, "rate": (12.0, 30.0, 5.0)}, BUSY)
    assert (category, entity) == ("traffic_surge", "service/fraud")
    assert "more requests came first" in said


def test_a_busy_machine_is_blamed_where_no_more_requests_came_than_usual() -> None:
    assert cause(SLOW, BUSY)[:2] == ("resource_saturation", "node/n2")


@pytest.mark.parametrize(("features", "category"), [(1, "data_quality"), (2, "data_quality"), (3, "input_drift")])
def test_one_or_two_features_are_a_broken_pipeline_and_more_a_changed_world(features: int, category: str) -> None:
    moved: Strange = {f"feature.f{n}.psi": (9.0, 1.4, 0.0) for n in range(features)}
    assert cause(moved)[:2] == (category, "service/fraud")


def test_other_answers_of_the_same_model_are_blamed_on_requests_that_no_feature_shows() -> None:
    category, _, said = cause(WRONG)
    assert category == "input_drift"
    assert "its requests must differ" in said
