"""Who asks in the lab: populations, the requests made from them, and what they do to the real models."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from crosstide.lab import training
from crosstide.lab.answers import Loaded
from crosstide.lab.arrivals import Arrival
from crosstide.lab.data import features, table
from crosstide.lab.faults.feature_bug import telling
from crosstide.lab.load import request
from crosstide.lab.population import Population, margins, population
from crosstide.lab.shop import MODELS

DRIFT, MIX = {"mode": "drift", "strength": 1.0}, {"mode": "mix", "strength": 1.0}


def of(service: str, spec: dict[str, Any] | None) -> Population:
    return population(table(service).held, table(service).held_labels, spec)


def rows(who: Population, count: int = 20_000) -> list[int]:
    rng = np.random.default_rng(0)
    return [who.row(rng) for _ in range(count)]


def test_usually_every_row_comes_equally_often_and_nothing_is_shifted() -> None:
    who = of("checkout", None)
    counts = np.bincount(rows(who), minlength=len(table("checkout").held))
    assert who.shift is None
    assert counts.min() > 0.6 * counts.mean() and counts.max() < 1.4 * counts.mean()


def test_a_drifted_population_comes_from_the_low_end_of_the_main_component_and_is_shifted_up_along_it() -> None:
    rng = np.random.default_rng(1)
    along = rng.standard_normal(500)
    held = np.column_stack([along, 10 * along, along + 0.1 * rng.standard_normal(500)]) + 5
    labels = np.repeat(["a", "b"], 250)
    who = population(held, labels, DRIFT)
    assert who.shift is not None
    # three features that move together: 2 spreads of the component are 2 spreads of each
    assert who.shift == pytest.approx([2.0, 2.0, 2.0], rel=0.03)
    assert np.mean(along[rows(who)]) == pytest.approx(-1.0, abs=0.2)


def test_drift_of_strength_0_is_no_drift() -> None:
    who = of("fraud", {"mode": "drift", "strength": 0.0})
    assert who.shift is not None and not np.any(who.shift)
    assert who.chances == pytest.approx(of("fraud", None).chances)


def test_a_constant_feature_is_never_shifted() -> None:
    held = np.column_stack([np.full(20, 3.0), np.arange(20.0)])
    who = population(held, np.repeat(["a", "b"], 10), DRIFT)
    assert who.shift is not None and who.shift[0] == 0


def test_a_row_at_its_own_centroid_is_easier_than_one_half_way_to_the_other_class() -> None:
    held = np.array([[0.0], [-1.0], [1.0], [10.0], [9.0], [11.0], [5.1]])
    easy = margins(held, np.array(["a", "a", "a", "b", "b", "b", "b"]))
    assert easy.argmin() == 6
    numbers = margins(held, np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]))
    assert numbers == pytest.approx(easy)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'flood'"):
        of("price", {"mode": "flood", "strength": 1.0})


@cache
def loaded(service: str) -> Loaded:
    return Loaded(training.train(service), "1.0.0", training.neutral(service))


def worth(service: str, spec: dict[str, Any] | None) -> float:
    """Accuracy of the real model on 300 requests; for numbers, minus the mean absolute error in spreads."""
    own, who, rng, model = table(service), of(service, spec), np.random.default_rng(2), loaded(service)
    found = []
    for _ in range(300):
        row = who.row(rng)
        values: dict[str, float | None] = dict(features(service, row, int(rng.integers(2**31)), who.shift))
        if service == "checkout":
            values["fraud_score"] = 0.5
        said, label = model.answer(values).prediction, own.held_labels[row]
        number = isinstance(said, float)
        found.append(-abs(said - label) / own.train_labels.std() if number else float(said == label))
    return float(np.mean(found))


@pytest.mark.parametrize("service", MODELS)
def test_drift_harms_the_real_model_and_a_shift_of_the_mix_does_not(service: str) -> None:
    usual = worth(service, None)
    assert usual - worth(service, DRIFT) > 0.2
    assert worth(service, MIX) > usual - 0.02


def test_a_request_names_rows_that_go_together_and_is_made_again_from_its_draw() -> None:
    everybody = {service: of(service, None) for service in MODELS}
    arrival = Arrival(1.0, "checkout", 17)
    made = request(3, arrival, everybody)
    assert made == request(3, arrival, everybody)
    assert (made["request_id"], made["trace_id"]) == ("r000003", "t000003")
    assert set(made) == {"request_id", "trace_id", "row", "draw", "fraud_row", "fraud_draw"}
    assert set(request(4, Arrival(1.0, "price", 17), everybody)) == {"request_id", "trace_id", "row", "draw"}


def test_a_drift_of_fraud_reaches_also_what_checkout_asks_of_it() -> None:
    drifted = {service: of(service, None) for service in MODELS} | {"fraud": of("fraud", DRIFT)}
    assert "shift" not in (made := request(0, Arrival(0.0, "checkout", 1), drifted))
    assert made["fraud_shift"] == request(1, Arrival(0.0, "fraud", 1), drifted)["shift"]


def test_the_features_that_a_bug_strikes_first_are_those_that_tell_the_label() -> None:
    assert telling("fraud")[0] == "worst_area"
    assert telling("price")[:2] == ["s5", "bmi"]
    assert sorted(telling("ranking")) == sorted(table("ranking").names)
