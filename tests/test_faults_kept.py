"""The file of fault results: newest run of each fault, whoever played it."""

from pathlib import Path

from bench.faults_kept import keep
from bench.faults_list import FAULTS, once, quickly
from bench.faults_play import Played

KILLS, BROKER = "taskmanager killed, 5 times", "broker killed"


def told(name: str, gap_s: float) -> Played:
    return Played(name, "equal", gap_s, 0, ok=True)


def test_results_of_several_runs_stand_in_one_file_in_the_order_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    keep(path, [told(BROKER, 50.0)])
    kept = keep(path, [told(KILLS, 20.0)])
    assert [(one.fault, one.longest_gap_s) for one in kept] == [(KILLS, 20.0), (BROKER, 50.0)]


def test_a_new_run_replaces_the_old_one_of_the_same_fault(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    keep(path, [told(BROKER, 50.0)])
    assert [one.longest_gap_s for one in keep(path, [told(BROKER, 40.0)])] == [40.0]


def test_one_quick_strike_stands_until_five_were_played_and_never_replaces_them(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    quick = next(once(fault) for fault in FAULTS if fault.name == KILLS)
    assert [one.fault for one in keep(path, [told(quick, 30.0)])] == ["taskmanager killed"]
    assert [one.fault for one in keep(path, [told(KILLS, 20.0)])] == [KILLS]
    assert [one.fault for one in keep(path, [told(quick, 30.0)])] == [KILLS]


def test_every_quick_fault_strikes_once_and_has_a_name_of_its_own() -> None:
    chosen = quickly(FAULTS)
    assert {fault.times for fault in chosen} == {1}
    names = [fault.name for fault in chosen] + [fault.name for fault in FAULTS if fault.times > 1]
    assert len(names) == len(set(names))
