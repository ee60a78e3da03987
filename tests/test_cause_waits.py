"""What is blamed where a service waits for something that nobody watches."""

import pytest

from models.evidence import Evidence
from tests.correlate_cases import SLOW, Run, Strange, seen, settings

#: Three services call a store that answers nobody knows; each on a machine of its own.
SHOP = {
    "services": {
        "fraud": {"on": ["node/n2"], "calls": ["store"]},
        "price": {"on": ["node/n1"], "calls": ["store"]},
        "store": {"on": ["node/n3"]},
    }
}
PILED: Strange = {"service.queue_depth": (9.0, 80.0, 0.5)}


def shop() -> Run:
    run = Run("fraud", settings(topology=SHOP))
    go(run, 5)
    return run


def go(run: Run, windows: int, own: Strange | None = None, sibling: Strange | None = None, store: Strange | None = None,
       self_infra: Strange | None = None) -> None:  # fmt: skip
    for _ in range(windows):
        at = run.next
        evidence: list[Evidence] = [
            seen("fraud", "service/fraud", "self", "model", at, own),
            seen("fraud", "node/n2", "carrier", "infra", at),
            seen("fraud", "service/fraud", "self", "infra", at, self_infra),
            seen("fraud", "service/store", "dependency", "infra", at, store),
            seen("fraud", "service/price", "sibling", "model", at, sibling),
        ]
        run.step(evidence)


def blamed(run: Run) -> tuple[str, str]:
    best = run.events[-1].data.root_cause
    return best.category, best.entity


def test_a_callee_where_requests_pile_up_is_blamed_though_its_other_callers_are_well() -> None:
    run = shop()
    go(run, 4, SLOW, None, PILED)
    assert blamed(run) == ("dependency", "service/store")
    assert "where requests pile up" in run.events[-1].data.root_cause.candidates[0].argument


def test_a_callee_whose_other_callers_are_well_is_not_blamed_without_a_queue() -> None:
    run = shop()
    go(run, 4, SLOW)
    assert blamed(run) == ("dependency", "service/fraud")


def test_a_queue_at_the_waiting_service_itself_is_a_symptom_of_the_wait() -> None:
    run = shop()
    go(run, 4, SLOW, None, None, PILED)
    assert blamed(run)[0] == "dependency"


@pytest.mark.parametrize(("restarts", "blames"), [(4, "deployment"), (1, "dependency")])
def test_restarts_that_ended_a_minute_before_the_onset_weigh_less_than_those_that_go_on(
    restarts: int, blames: str
) -> None:
    run, again = shop(), {"service.restarts": (9.0, 2.0, 0.0)}
    go(run, 1, None, None, None, again)
    go(run, 5)
    for turn in range(4):
        go(run, 1, SLOW, None, None, again if turn < restarts - 1 else None)
    assert blamed(run)[0] == blames
