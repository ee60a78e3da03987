"""The lab's plan of faults, its load, and the kinds of faults it knows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstide.lab.arrivals import arrivals
from crosstide.lab.faults import FaultKind, kinds, register
from crosstide.lab.plan import PlanError, Spacing, plan

TARGETS = {"cpu_hog": ["node/n1", "node/n2"], "slow_dependency": ["service/fraud"]}
BOTH = ["cpu_hog", "slow_dependency"]


def test_five_faults_of_45_seconds_fit_into_ten_minutes() -> None:
    slots = plan(600, ["cpu_hog"] * 5, TARGETS, Spacing(), seed=1)
    assert len(slots) == 5
    assert slots[0].start >= 90
    assert slots[-1].end <= 570


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_every_plan_keeps_its_quiet_times_and_the_length_of_its_faults(seed: int, count: int) -> None:
    slots = plan(900, BOTH * count, TARGETS, Spacing(fault=20, quiet=30), seed)
    assert slots[0].start >= 135
    assert slots[-1].end <= 870
    assert all(abs(s.end - s.start - 20) < 0.002 for s in slots)
    assert all(b.start - a.end >= 29.998 for a, b in pairwise(slots))
    assert sorted(s.kind for s in slots) == sorted(BOTH * count)
    assert all(0.4 <= s.intensity <= 1.0 and s.target in TARGETS[s.kind] for s in slots)


def test_faults_of_one_kind_take_turns_among_the_nodes() -> None:
    places = [s.target for s in plan(1200, ["cpu_hog"] * 4, TARGETS, Spacing(), seed=7)]
    assert places in (["node/n1", "node/n2"] * 2, ["node/n2", "node/n1"] * 2)


def test_one_seed_makes_one_plan_and_another_seed_another() -> None:
    assert plan(600, BOTH, TARGETS, Spacing(), 3) == plan(600, BOTH, TARGETS, Spacing(), 3)
    assert plan(600, BOTH, TARGETS, Spacing(), 3) != plan(600, BOTH, TARGETS, Spacing(), 4)


def test_too_many_faults_for_the_time_are_refused_with_the_time_they_need() -> None:
    with pytest.raises(PlanError, match=r"5 faults of 45 s with their pauses need 8\.8 minutes, and the run has 5\.0"):
        plan(300, ["cpu_hog"] * 5, TARGETS, Spacing(), seed=1)


def test_no_faults_make_an_empty_plan() -> None:
    assert plan(300, [], TARGETS, Spacing(), seed=1) == []


def test_load_comes_sorted_at_about_the_wanted_rates_and_again_the_same_for_the_same_seed() -> None:
    made = arrivals(1200, {"checkout": 10.0, "fraud": 6.0}, seed=2)
    assert made == arrivals(1200, {"checkout": 10.0, "fraud": 6.0}, seed=2)
    assert made == sorted(made)
    share = {name: sum(a.service == name for a in made) / 1200 for name in ("checkout", "fraud")}
    assert share == {"checkout": pytest.approx(10, rel=0.06), "fraud": pytest.approx(6, rel=0.06)}


def test_the_kinds_are_found_in_their_files_and_traps_accept_no_cause() -> None:
    found = kinds()
    assert set(found) == {"bad_model_version", "busy_node", "cpu_hog", "harmless_deploy", "slow_dependency"}
    assert {name for name, kind in found.items() if kind.trap} == {"busy_node", "harmless_deploy"}
    assert all(kind.does and kind.needs and kind.targets for kind in found.values())


def test_two_kinds_of_one_name_are_refused() -> None:
    taken: FaultKind = kinds()["cpu_hog"]
    with pytest.raises(ValueError, match="two kinds of faults are named cpu_hog"):
        register(taken)
