"""The lab's load: its rates, its shape in time, and what an order changes in it."""

from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstide.lab.arrivals import DAY_S, PIECE_S, Arrival, Arrivals, shape

RATES = {"checkout": 6.0, "price": 5.0}


def first(load: Arrivals, seconds: float) -> list[Arrival]:
    return list(takewhile(lambda arrival: arrival.at_s < seconds, load))


def of(service: str, arrivals: list[Arrival], since: float = 0.0) -> list[Arrival]:
    return [a for a in arrivals if a.service == service and a.at_s >= since]


@given(st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_load_comes_in_order_of_time_and_again_the_same_for_the_same_seed(seed: int) -> None:
    made = first(Arrivals(RATES, seed), 60)
    assert made == sorted(made)
    assert made == first(Arrivals(RATES, seed), 60)
    assert made != first(Arrivals(RATES, seed + 1), 60)


def test_four_days_of_load_come_at_about_the_wanted_rates() -> None:
    made = first(Arrivals(RATES, 2), 4 * DAY_S)
    share = {service: len(of(service, made)) / (4 * DAY_S) for service in RATES}
    assert share == {"checkout": pytest.approx(6, rel=0.06), "price": pytest.approx(5, rel=0.06)}


def test_a_quarter_of_a_day_is_busier_and_three_quarters_quieter_and_a_weekend_quieter_than_both() -> None:
    assert shape(DAY_S / 4) == pytest.approx(1.15)
    assert shape(3 * DAY_S / 4) == pytest.approx(0.85)
    assert shape(5.25 * DAY_S) == pytest.approx(0.7 * 1.15)
    assert shape(7.25 * DAY_S) == shape(0.25 * DAY_S)


def test_the_load_of_a_week_turns_smoothly_into_its_weekend_and_back() -> None:
    steps = [abs(shape(t + 1) - shape(t)) for t in range(int(8 * DAY_S))]
    assert max(steps) < 0.02


def test_an_order_multiplies_the_load_of_its_service_alone() -> None:
    load, quiet = Arrivals(RATES, 5), first(Arrivals(RATES, 5), 600)
    load.order({"price": 4.0}, now_s=0.0)
    made = first(load, 600)
    assert len(of("price", made)) / len(of("price", quiet)) == pytest.approx(4, rel=0.1)
    assert of("checkout", made) == of("checkout", quiet)


def test_an_order_for_more_keeps_every_request_that_would_have_come_without_it() -> None:
    load, quiet = Arrivals(RATES, 6), first(Arrivals(RATES, 6), 120)
    load.order({"price": 3.0}, now_s=0.0)
    assert set(quiet) <= set(first(load, 120))


def test_a_quiet_night_is_taken_from_the_requests_that_would_have_come_and_nothing_after_it_changes() -> None:
    load, usual = Arrivals(RATES, 7), first(Arrivals(RATES, 7), 300)
    made = []
    for order_at, factor in ((100.0, 0.2), (200.0, 1.0), (300.0, 1.0)):
        made += first(load, order_at)
        load.order(dict.fromkeys(RATES, factor), now_s=order_at)
    assert set(made) <= set(usual)
    night = [sum(100 <= a.at_s < 200 for a in arrivals) for arrivals in (made, usual)]
    assert 0.1 < night[0] / night[1] < 0.3
    # the request that ended each part was drawn, and is not in it
    assert len([a for a in usual if not 100 <= a.at_s < 200]) - len([a for a in made if not 100 <= a.at_s < 200]) <= 3


def test_a_factor_is_reached_evenly_over_its_time_from_where_the_last_one_stood() -> None:
    load = Arrivals({"price": 200.0}, 8)
    load.order({"price": 3.0}, now_s=0.0, over_s=2 * PIECE_S)
    rising = first(load, 2 * PIECE_S)
    halves = [sum(a.at_s < PIECE_S for a in rising), sum(a.at_s >= PIECE_S for a in rising)]
    assert halves[0] / (200 * PIECE_S) == pytest.approx(1.5, rel=0.3)
    assert halves[1] / (200 * PIECE_S) == pytest.approx(2.5, rel=0.3)
    load.order({"price": 1.0}, now_s=2 * PIECE_S, over_s=PIECE_S)
    falling = of("price", first(load, 3 * PIECE_S), since=2 * PIECE_S)
    assert len(falling) / (200 * PIECE_S) == pytest.approx(2.0, rel=0.3)


def test_orders_beyond_what_can_be_drawn_and_for_unknown_services_are_refused() -> None:
    load = Arrivals(RATES, 1)
    with pytest.raises(ValueError, match="0 to 8, not by 9"):
        load.order({"price": 9.0}, now_s=0.0)
    with pytest.raises(KeyError):
        load.order({"nobody": 2.0}, now_s=0.0)
