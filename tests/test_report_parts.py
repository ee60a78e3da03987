"""The parts of the report: which series are drawn, how bars are placed, and what is told of truth and incidents."""

import json
from pathlib import Path

import pytest

from crosstide.report.bar_svg import MAX_DEPTH, Bar, BarRow
from crosstide.report.beside import Beside, set_beside
from crosstide.report.chart import chart
from crosstide.report.facts import accounting, facts, window_ms
from crosstide.report.lanes import MAX_LANES, around, of_incident
from crosstide.report.meanings import DETECTORS, meaning
from crosstide.report.read import LaneKey, read_revisions, read_series
from crosstide.report.thin import LIMIT, Point, Thinned
from crosstide.report.timeline import moments
from crosstide.report.truth import read_told
from crosstide.report.whole import MAX_SUBJECTS, subjects_of
from crosstide.report.words import ticks
from crosstide.score_input import ScoreInputError
from models.detectors.registry import kinds
from models.times import to_milliseconds
from tests.report_cases import TRAP, write_run
from tests.score_cases import at, fault, incident, write_lines, write_truth


def strayed(folder: Path) -> Beside:
    """Two incidents on one fault, one on a trap, one on a fault that hurt nobody."""
    trap = fault("t1", 800, 850, None, trap=True, entities=[], categories=[])
    truth = write_truth(folder / "truth.json", [fault("f1", 400, 450, 404), trap, fault("h1", 1200, 1250, None)])
    spans = {"a": (404, 420, 480), "b": (430, 440, 490), "c": (805, 820, 860), "d": (1205, 1220, 1260)}
    lines = [incident(name, onset, opened, resolved=end) for name, (onset, opened, end) in spans.items()]
    return set_beside(read_told(truth), write_lines(folder / "incidents.jsonl", lines), 10_000)


def test_an_incident_that_found_nothing_is_still_tied_to_what_it_strayed_to(tmp_path: Path) -> None:
    beside = strayed(tmp_path)
    assert {(tie.told.label, tie.incident_id, tie.how) for tie in beside.ties} == {
        ("F1", "a", "found"), ("F1", "b", "second"), ("T1", "c", "trap"), ("F2", "d", "harmless")}  # fmt: skip
    assert beside.ties[0].words == "was found: opened 16 s after its effect began; the cause named first is right."
    assert beside.accepted("a") == {("node/n1", "resource_saturation")}
    assert beside.accepted("b") == frozenset()


def test_two_faults_at_once_may_share_an_incident(tmp_path: Path) -> None:
    other = fault("f2", 405, 450, 410, kind="slow_dependency", entities=["service/price"], categories=["dependency"])
    truth = write_truth(tmp_path / "truth.json", [fault("f1", 400, 450, 404), other])
    causes = [("node/n1", "resource_saturation"), ("service/price", "dependency")]
    lines = write_lines(tmp_path / "incidents.jsonl", [incident("a", 404, 420, resolved=480, causes=causes)])
    beside = set_beside(read_told(truth), lines, 10_000)
    assert [(tie.told.label, tie.how) for tie in beside.of_incident("a")] == [("F1", "found"), ("F2", "shared")]


def test_a_truth_says_where_a_fault_was_and_who_suffered(tmp_path: Path) -> None:
    silent = {"service": "node/n2", "measure": "telemetry.rate", "before": 6.0, "during": 0.0}
    entries = [fault("a", 10, 20, 12, target="link/checkout/fraud") | {"effect": "half of the answers were lost"},
               fault("b", 30, 40, 31, target="node/n2") | {"effect": silent}, fault("c", 50, 60, None)]  # fmt: skip
    link, node, bare = read_told(write_truth(tmp_path / "truth.json", entries))
    assert (link.where, link.places) == ("the link checkout → fraud", ("service/checkout", "service/fraud"))
    assert link.suffered == "half of the answers were lost"
    assert (node.places, node.suffered) == (("node/n2",), "node/n2: telemetry 6 → 0 readings a second")
    assert (bare.label, bare.where, bare.suffered) == ("F3", "node/n1", "")
    write_truth(tmp_path / "truth.json", [fault("a", 10, 20, 12, target=5)])
    with pytest.raises(ScoreInputError, match=r"truth\.json"):
        read_told(tmp_path / "truth.json")


def test_the_timeline_of_an_incident_holds_truth_and_decisions_in_order(tmp_path: Path) -> None:
    output, _, truth = write_run(tmp_path)
    beside = set_beside(read_told(truth), output / "incidents.jsonl", 10_000)
    told = moments(read_revisions(output)[0], beside.of_incident("inc-a1"))
    assert [moment.at_ms for moment in told] == sorted(moment.at_ms for moment in told)
    words = [moment.words for moment in told if moment.source == "truth"]
    assert words == ["F1 cpu hog on node/n1 begins", "F1: its effect begins", "F1 ends"]
    assert told[-1].words.startswith("resolved: ")


def test_an_incident_is_drawn_with_its_score_its_symptom_and_the_machine_that_is_blamed(tmp_path: Path) -> None:
    output, _, _ = write_run(tmp_path)
    chosen = of_incident(read_series(output), read_revisions(output)[0][-1])
    assert chosen == [
        LaneKey("model", "service/fraud"),
        LaneKey("model", "service/fraud", "latency_ms.p95"),
        LaneKey("infra", "node/n1"),
        LaneKey("infra", "node/n1", "node.cpu.utilization"),
    ]


def test_around_a_fault_scores_are_drawn_and_the_strangest_signals(tmp_path: Path) -> None:
    output, _, _ = write_run(tmp_path)
    span = (to_milliseconds(at(TRAP[0])), to_milliseconds(at(TRAP[1])))
    chosen = around(read_series(output), {"service/fraud", "node/n2"}, span)
    assert len(chosen) == MAX_LANES
    assert {key.subject for key in chosen} == {"service/fraud", "node/n2"}
    assert LaneKey("infra", "node/n2", "node.cpu.utilization") in chosen
    assert LaneKey("model", "service/fraud") in chosen


def test_who_has_a_block_is_bounded_those_of_the_truth_first(tmp_path: Path) -> None:
    entries = [fault(f"f{n}", 10 * n, 10 * n + 5, None, target=f"service/s{n:02}") for n in range(MAX_SUBJECTS)]
    told = read_told(write_truth(tmp_path / "truth.json", entries))
    output, _, _ = write_run(tmp_path)
    subjects, left_out = subjects_of(read_series(output), told, [])
    assert subjects == [f"service/s{n:02}" for n in range(MAX_SUBJECTS)]
    assert left_out == 4


def test_bars_that_overlap_stand_below_each_other() -> None:
    bars = [Bar("incident", f"I{n}", f"b{n}", "", 0, 100) for n in range(MAX_DEPTH + 2)]
    drawn = chart([BarRow("incidents", bars)], (0, 100), "t", "x")
    assert drawn.count('class="bar incident"') == MAX_DEPTH
    assert "2 more not drawn" in drawn


def test_a_bar_too_short_for_its_name_shows_its_label() -> None:
    bars = [Bar("fault", f"F{n}", f"F{n} bad model version", "", n * 100, n * 100 + 50) for n in range(12)]
    drawn = chart([BarRow("what was done", bars)], (0, 1200), "t", "x")
    assert drawn.count('<text class="name"') == 12
    assert ">F3</text>" in drawn


@pytest.mark.parametrize("kind", [*kinds(), "silence", "event"])
def test_every_detector_is_explained(kind: str) -> None:
    assert DETECTORS[kind]


def test_a_signal_is_explained_by_what_its_name_says() -> None:
    assert meaning("feature.age.psi").startswith("One numeric feature against the baseline")
    assert meaning("node.memory.utilization.slope") == (
        "Machine reading (how fast it climbs within a window): out of range it points to memory pressure.")  # fmt: skip


def test_a_thinned_series_is_bounded_and_keeps_its_strangest_window() -> None:
    thinned = Thinned()
    for n in range(50_000):
        thinned.add(Point(n * 10_000, float(n % 7), 9.0 if n == 31_234 else 0.1))
    points = thinned.points()
    assert LIMIT / 2 <= len(points) <= LIMIT
    assert max(points, key=lambda p: p.score).at_ms == 312_340_000


def test_an_expected_range_is_taken_from_whichever_detector_gives_one() -> None:
    thinned = Thinned()
    thinned.add(Point(0, 5.0, 2.0))
    thinned.add(Point(0, 5.0, 1.0, 3.0, 4.0))
    assert thinned.points() == [Point(0, 5.0, 2.0, 3.0, 4.0)]


def test_the_summary_is_read_by_what_is_there() -> None:
    assert window_ms({}) == 10_000
    assert window_ms({"windows": {"size_ms": 60_000}}) == 60_000
    assert facts({"elapsed_s": 61, "windows": {"size_ms": 5000}, "deep": {"x": {"y": 1}}, "odd": None}) == [
        ("took", "1 min 1 s"), ("windows: size", "5 s")]  # fmt: skip
    spread = accounting(
        {"topics": {"a": {"0": {"consumed": 3}, "1": {"consumed": 4, "late": 1}}, "b": {"consumed": 2}}}
    )
    assert spread.columns == ["consumed", "late"]
    assert spread.rows == [("a", [7, 1]), ("b", [2, None])]
    assert facts(json.loads("{}")) == []


def test_partitions_are_not_counted_beside_their_sum() -> None:
    topics = {"a": {"consumed": 7, "partitions": {"0": {"consumed": 3}, "1": {"consumed": 4}}}}
    assert accounting({"topics": topics}).rows == [("a", [7])]


def test_ticks_are_round_and_few() -> None:
    assert [label for _, label in ticks(1_000, 61_000)][:2] == ["00:00:10", "00:00:20"]
    for span in (5_000, 3_600_000, 14 * 86_400_000, 900 * 86_400_000):
        assert 2 <= len(ticks(0, span)) <= 10
