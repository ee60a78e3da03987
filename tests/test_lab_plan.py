"""The lab's plan of faults, its load, and the kinds of faults it knows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstide.lab.faults import FaultKind, kinds, register
from crosstide.lab.plan import PlanError, Slot, Spacing, split
from crosstide.lab.plan import plan as lab_plan
from crosstide.lab.shop import reach

TARGETS = {"cpu_hog": ["node/n1", "node/n2"], "slow_dependency": ["service/fraud"]}
BOTH = ["cpu_hog", "slow_dependency"]


def plan(run: float, faults: list[str], targets: dict[str, list[str]], spacing: Spacing, seed: int) -> list[Slot]:
    return lab_plan(run, faults, targets, spacing, seed, reach)


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


def test_two_at_once_overlap_and_trouble_no_common_service_where_that_is_possible() -> None:
    targets = {"hog": ["node/n1"], "bug": ["service/price", "service/ranking"]}
    for seed in range(20):
        one, other = plan(600, ["hog+bug"], targets, Spacing(), seed)
        assert one.start < other.start < one.end == other.end
        assert (one.target, other.target) == ("node/n1", "service/ranking")
        assert one.id.startswith("f1a-") and other.id.startswith("f1b-")


def test_three_at_once_are_refused() -> None:
    with pytest.raises(PlanError, match="two faults at once"):
        split("a+b+c")


@pytest.mark.parametrize(
    ("target", "services"),
    [
        ("service/fraud", ("checkout", "fraud")),
        ("service/store", ("checkout", "fraud", "price", "ranking")),
        ("node/n1", ("checkout", "price")),
        ("link/price/store", ("price",)),
    ],
)
def test_a_fault_reaches_what_it_strikes_and_all_who_call_it(target: str, services: tuple[str, ...]) -> None:
    assert reach(target) == services


def test_the_kinds_are_found_in_their_files_and_traps_accept_no_cause() -> None:
    found, traps = kinds(), {"busy_node", "harmless_deploy", "mix_shift", "quiet_night", "slow_rise"}
    assert len(found) == 18
    assert {name for name, kind in found.items() if kind.trap} == traps
    assert all(kind.does and kind.needs and kind.targets for kind in found.values())


def test_two_kinds_of_one_name_are_refused() -> None:
    taken: FaultKind = kinds()["cpu_hog"]
    with pytest.raises(ValueError, match="two kinds of faults are named cpu_hog"):
        register(taken)
