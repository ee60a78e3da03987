"""Services that share what is blamed, and suffer alike, have one incident."""

from tests.correlate_cases import BUSY, SLOW, WRONG, Run, Strange, seen, settings

SHOP = {
    "services": {
        "checkout": {"on": ["node/n1"], "calls": ["store"]},
        "price": {"on": ["node/n1"], "calls": ["store"]},
        "fraud": {"on": ["node/n2"], "calls": ["store"]},
        "store": {"on": ["node/n2"]},
    }
}
MADE = settings(topology=SHOP)


def pair(one: Strange | None, other: Strange | None, windows: int, node: Strange | None = None) -> tuple[Run, Run]:
    """Checkout and price, on one node: quiet, then as told."""
    checkout, price = Run("checkout", MADE), Run("price", MADE)
    checkout.go(6, sibling_price=None, sibling_fraud=None)
    price.go(6, sibling_checkout=None, sibling_fraud=None)
    checkout.go(windows, one, node, sibling_price=other, sibling_fraud=None)
    price.go(windows, other, node, sibling_checkout=one, sibling_fraud=None)
    return checkout, price


def test_two_services_on_a_busy_node_have_one_incident_that_lists_both() -> None:
    checkout, price = pair(SLOW, SLOW, 5, BUSY)
    assert price.events == []
    data = checkout.events[-1].data
    assert checkout.kinds[0] == "opened" and data.root_cause.entity == "node/n1"
    assert data.grouping.members == ["price"]


def test_who_suffers_of_something_else_has_an_incident_of_its_own() -> None:
    checkout, price = pair(SLOW, WRONG, 5)
    assert checkout.kinds[0] == price.kinds[0] == "opened"


def test_where_all_callers_of_an_unwatched_service_suffer_it_is_blamed() -> None:
    run = Run("checkout", MADE)
    run.go(6, sibling_price=None, sibling_fraud=None)
    run.go(5, SLOW, sibling_price=SLOW, sibling_fraud=SLOW)
    cause = run.events[-1].data.root_cause
    assert (cause.entity, cause.category) == ("service/store", "dependency")
    assert run.events[-1].data.grouping.members == ["fraud", "price"]


def test_where_its_other_callers_are_well_it_is_not() -> None:
    run = Run("checkout", MADE)
    run.go(6, sibling_price=None, sibling_fraud=None)
    run.go(5, SLOW, sibling_price=None, sibling_fraud=None)
    assert run.events[-1].data.root_cause.entity == "service/checkout"


def test_a_service_without_answers_of_its_own_opens_nothing_while_its_callers_are_well() -> None:
    run = Run("store", MADE)
    for _ in range(8):
        quiet = seen("store", "service/checkout", "caller", "model", run.next)
        run.step([quiet, seen("store", "node/n2", "carrier", "infra", run.next, BUSY)])
    assert run.events == []
