"""How suspects are weighed against one another, and how severity is graded."""

import pytest

from models.cause import settle
from models.incident import SeverityFactors
from models.severity import grade
from models.suspect import Suspect
from models.traces import Trace, Verdict
from tests.correlate_cases import SLOW, Run, change, window


def suspect(entity: str, score: float) -> Suspect:
    return Suspect(entity, "resource_saturation", "infra", score, "because")


def test_a_change_comes_before_an_equal_machine() -> None:
    run = Run("fraud")
    run.go(5)
    run.go(5, SLOW, {"node.queue_cpu": (3.31, 9.0, 1.0)}, [change("fraud", window(5)[0] + 2_000)])
    best, second = run.events[-1].data.root_cause.candidates[:2]
    assert (best.category, second.category) == ("deployment", "resource_saturation")
    assert second.score > best.score > second.score - 0.02


@pytest.mark.parametrize(("used", "category"), [(0.45, "dependency"), (0.95, "resource_saturation")])
def test_a_half_used_machine_is_not_short_however_unusual(used: float, category: str) -> None:
    for scale in (1, 100):
        run = Run("fraud")
        run.go(5)
        run.go(5, SLOW, {"node.cpu.utilization": (6.0, used * scale, 0.1 * scale)})
        assert run.events[-1].data.root_cause.category == category


def test_the_published_cause_stays_until_another_is_clearly_better() -> None:
    near, far = [suspect("a", 0.5), suspect("b", 0.46)], [suspect("a", 0.6), suspect("b", 0.46)]
    assert [one.entity for one in settle(near, "b", "resource_saturation")] == ["b", "a"]
    assert [one.entity for one in settle(far, "b", "resource_saturation")] == ["a", "b"]
    assert settle(near, "gone", "oom") == near


def test_severity_rises_with_its_factors_and_never_falls() -> None:
    low, high = SeverityFactors(0.1, 0.1, 0.1), SeverityFactors(1.0, 1.0, 1.0)
    assert (grade(low, "info"), grade(high, "info"), grade(low, "high")) == ("info", "critical", "high")
    assert grade(SeverityFactors(0.5, 1.0, 0.2), "info") == "warning"
    assert grade(SeverityFactors(0.7, 1.0, 0.4), "info") == "high"


def test_strength_grows_with_the_score_and_is_capped() -> None:
    def strength(score: float) -> float:
        peak = Verdict(score, 0.01, None, None, None, None, "up", ())
        return Trace("infra", "carrier", "node/n1", "ewma", "node.cpu.utilization", 0, 1, 1, peak).strength

    assert 0 < strength(1) < strength(4) < strength(20) == strength(1e6) == 1
