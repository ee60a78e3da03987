"""The scoring rules, held to tables computed by hand. A window is 10 s; so 10 s before .. 60 s after is near."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from crosstide.score import Scorecard, score_run
from crosstide.score_input import ScoreInputError
from crosstide.score_print import print_scorecard, score_files
from tests.score_cases import at, fault, incident, write_lines, write_truth

Records = list[dict[str, Any]]


def card(tmp_path: Path, incidents: Records, faults: Records, window_ms: int = 10_000) -> Scorecard:
    lines = write_lines(tmp_path / "incidents.jsonl", incidents)
    return score_run(lines, write_truth(tmp_path / "truth.json", faults), window_ms)


def outcomes(result: Scorecard) -> dict[str, str]:
    return {verdict.id: verdict.outcome for verdict in result.faults}


def test_the_golden_run_gives_the_table_computed_by_hand(tmp_path: Path) -> None:
    wrong_first = [("service/a", "dependency"), ("node/n1", "resource_saturation")]
    incidents = [
        incident("i1", 100, 112, revision=1),
        incident("i1", 100, 125, revision=2, resolved=190, causes=wrong_first),
        incident("i2", 395, 420, resolved=470, causes=[("service/fraud", "model_version")]),
        incident("i3", 800, 810, resolved=850, causes=[("node/n2", "resource_saturation")]),
        incident("i4", 1500, 1510, resolved=1520, causes=[("node/n2", "oom")]),
    ]
    faults = [
        fault("f1", 98, 140, 102),
        fault("f2", 398, 450, 400, entities=["service/fraud"], categories=["model_version", "deployment"]),
        fault("f3", 600, 640, 605),
        fault("f4", 700, 740, None),
        fault("t1", 790, 830, None, trap=True, entities=[], categories=[]),
    ]
    result = card(tmp_path, incidents, faults)
    assert outcomes(result) == {"f1": "found", "f2": "found", "f3": "missed", "f4": "harmless", "t1": "fooled"}
    assert (result.recall.hits, result.recall.n) == (2, 3)
    assert (result.precision.hits, result.precision.n) == (2, 4)
    assert (result.hit_1.hits, result.hit_3.hits, result.hit_1.n) == (1, 2, 2)
    assert [v.time_to_detect_s for v in result.faults[:2]] == [10.0, 20.0]
    assert result.median_time_to_detect_s == 15.0
    assert (result.harmless, result.traps, result.on_traps) == (1, 1, 1)
    # the space: n1/saturation, a/dependency, fraud/model_version, fraud/deployment, n2/saturation, n2/oom = 6 pairs;
    # accepted 1 and 2 of them: one draw (1/6 + 2/6)/2, three draws (1 - 10/20 + 1 - 4/20)/2
    assert result.chance_1 == pytest.approx(0.25)
    assert result.chance_3 == pytest.approx(0.65)
    assert [v.reason for v in result.incidents] == ["found", "found", "on trap t1", "no fault near"]


@pytest.mark.parametrize(
    ("onset", "window_ms", "found"),
    [(90, 10_000, True), (89.9, 10_000, False), (160, 10_000, True), (160.1, 10_000, False),
     (190, 30_000, True), (190.1, 30_000, False), (70, 30_000, True)],
)  # fmt: skip
def test_an_incident_matches_from_one_window_before_to_three_windows_or_60_s_after_the_effect(
    tmp_path: Path, onset: float, window_ms: int, found: bool
) -> None:
    result = card(tmp_path, [incident("i", onset, 170, resolved=200)], [fault("f", 100, 200, 100)], window_ms)
    assert outcomes(result)["f"] == ("found" if found else "missed")


@pytest.mark.parametrize(("resolved", "outcome"), [(230, "found"), (230.1, "missed")])
def test_an_incident_longer_than_twice_the_fault_plus_the_clear_time_is_false(
    tmp_path: Path, resolved: float, outcome: str
) -> None:
    # twice 50 s plus 30 s = 130 s after the onset at 100
    result = card(tmp_path, [incident("i", 100, 110, resolved=resolved)], [fault("f", 100, 150, 100)])
    assert outcomes(result)["f"] == outcome
    assert result.incidents[0].reason == ("found" if outcome == "found" else "lasts too long for f")


def test_an_unresolved_incident_lasts_till_its_last_watermark(tmp_path: Path) -> None:
    faults = [fault("f", 100, 150, 100)]
    assert outcomes(card(tmp_path, [incident("i", 100, 110, watermark=230)], faults)) == {"f": "found"}
    assert outcomes(card(tmp_path, [incident("i", 100, 110, watermark=240)], faults)) == {"f": "missed"}


def test_who_sees_a_fault_before_its_requests_suffer_is_early_and_right(tmp_path: Path) -> None:
    late = [fault("f", 100, 200, 140)]
    assert outcomes(card(tmp_path, [incident("i", 90, 110, resolved=220)], late)) == {"f": "found"}
    assert outcomes(card(tmp_path, [incident("i", 89.9, 110, resolved=220)], late)) == {"f": "missed"}


def test_an_incident_of_a_service_that_a_fault_cannot_trouble_is_not_its_own(tmp_path: Path) -> None:
    for reach, found in ((["fraud", "checkout"], "found"), (["price"], "missed")):
        faults = [fault("f", 100, 200, 100, reach=reach)]
        assert outcomes(card(tmp_path, [incident("i", 100, 110, resolved=220)], faults)) == {"f": found}


def test_matches_are_maximised_before_distances_are_made_small(tmp_path: Path) -> None:
    # i1 is nearest to f2, but only i1 can match f1: two pairs beat the one nearest pair
    incidents = [incident("i1", 155, 160, resolved=190), incident("i2", 215, 220, resolved=240)]
    faults = [fault("f1", 100, 200, 100), fault("f2", 156, 250, 156)]
    result = card(tmp_path, incidents, faults)
    assert [(v.id, v.incident_id) for v in result.faults] == [("f1", "i1"), ("f2", "i2")]


def test_of_two_incidents_near_one_fault_the_nearer_counts_and_the_other_is_false(tmp_path: Path) -> None:
    incidents = [incident("far", 130, 140, resolved=150), incident("near", 103, 110, resolved=120)]
    result = card(tmp_path, incidents, [fault("f", 100, 150, 100)])
    assert result.faults[0].incident_id == "near"
    assert [(v.id, v.reason) for v in result.incidents] == [("near", "found"), ("far", "second incident for f")]
    assert (result.precision.hits, result.precision.n) == (1, 2)


@pytest.mark.parametrize(
    ("onset", "reason"),
    [(590, "on harmless h"), (650, "on harmless h"), (589, "no fault near"), (651, "no fault near")],
)
def test_an_incident_that_starts_while_a_fault_hurts_nobody_is_neither_right_nor_false(
    tmp_path: Path, onset: float, reason: str
) -> None:
    faults = [fault("f", 100, 150, 100), fault("h", 600, 640, None)]
    incidents = [incident("i", 100, 110, resolved=150), incident("j", onset, onset + 10, resolved=onset + 20)]
    result = card(tmp_path, incidents, faults)
    assert result.incidents[1].reason == reason
    neutral = reason == "on harmless h"
    assert (result.neutral, result.precision.n) == ((1, 1) if neutral else (0, 2))


def test_an_incident_on_a_trap_is_false_even_where_a_harmless_fault_lasts_too(tmp_path: Path) -> None:
    faults = [fault("h", 600, 640, None), fault("t", 610, 650, None, trap=True, entities=[], categories=[])]
    result = card(tmp_path, [incident("i", 620, 630, resolved=640)], faults)
    assert (result.on_traps, result.neutral, result.precision.n) == (1, 0, 1)


N2 = {"entities": ["node/n2"], "categories": ["resource_saturation"]}
BOTH = [("node/n1", "resource_saturation"), ("node/n2", "resource_saturation")]


def test_of_two_faults_at_once_the_one_that_the_others_incident_names_is_found_in_it(tmp_path: Path) -> None:
    faults = [fault("f1", 100, 200, 100), fault("f2", 120, 200, 120, **N2)]
    result = card(tmp_path, [incident("i", 101, 112, resolved=210, causes=BOTH)], faults)
    second = result.faults[1]
    assert (second.outcome, second.incident_id, second.shared, second.time_to_detect_s) == ("found", "i", True, None)
    assert (second.hit_1, second.hit_3) == (False, True)
    assert (result.recall.hits, result.precision.hits, result.precision.n) == (2, 1, 1)


@pytest.mark.parametrize(
    ("causes", "start"),
    [(BOTH[:1], 120), ([BOTH[0], ("node/n3", "oom"), ("node/n4", "oom"), BOTH[1]], 120), (BOTH, 230)],
    ids=["not named", "named fourth", "not at once"],
)
def test_a_fault_is_not_found_in_anothers_incident_unless_at_once_and_among_the_first_three(
    tmp_path: Path, causes: list[tuple[str, str]], start: float
) -> None:
    faults = [fault("f1", 100, 200, 100), fault("f2", start, start + 80, start, **N2)]
    result = card(tmp_path, [incident("i", 101, 112, resolved=250, causes=causes)], faults)
    assert outcomes(result) == {"f1": "found", "f2": "missed"}


def test_two_faults_at_once_with_an_incident_each_are_both_found_and_neither_is_shared(tmp_path: Path) -> None:
    faults = [fault("f1", 100, 200, 100), fault("f2", 120, 200, 120, **N2)]
    incidents = [incident("i1", 100, 110, resolved=210), incident("i2", 125, 135, resolved=210, causes=BOTH[1:])]
    result = card(tmp_path, incidents, faults)
    assert [(v.incident_id, v.shared, v.hit_1) for v in result.faults] == [("i1", False, True), ("i2", False, True)]


@pytest.mark.parametrize(("recovered", "outcome"), [(None, "missed"), (180, "found"), (120, "missed")])
def test_a_fault_lasts_till_its_requests_have_recovered(tmp_path: Path, recovered: float | None, outcome: str) -> None:
    more = {} if recovered is None else {"recovered_at": at(recovered)}
    # 50 s allow 130 s, 80 s till the recovery allow 190 s
    result = card(tmp_path, [incident("i", 100, 110, resolved=280)], [fault("f", 100, 150, 100, **more)])
    assert outcomes(result)["f"] == outcome


def test_a_merged_incident_is_folded_into_the_one_it_points_to(tmp_path: Path) -> None:
    incidents = [
        incident("caller", 100, 110),
        incident("caller", 100, 110, revision=2, status="merged", merged_into="root"),
        incident("root", 105, 115, resolved=150),
    ]
    result = card(tmp_path, incidents, [fault("f", 100, 150, 100)])
    assert [v.id for v in result.incidents] == ["root"]
    assert (result.precision.hits, result.precision.n) == (1, 1)


def test_an_incident_merged_into_nothing_that_is_known_still_counts(tmp_path: Path) -> None:
    lost = incident("i", 500, 510, status="merged", merged_into="elsewhere")
    assert card(tmp_path, [lost], [fault("f", 100, 150, 100)]).precision.n == 1


def test_the_order_of_lines_and_repeated_lines_change_nothing(tmp_path: Path) -> None:
    lines = [incident("i", 100, 112), incident("i", 100, 130, revision=2, resolved=150)]
    faults = [fault("f", 100, 150, 100)]
    assert card(tmp_path, lines, faults) == card(tmp_path, [*reversed(lines), *lines], faults)


def test_a_cause_needs_entity_and_category_and_repeated_candidates_take_one_place(tmp_path: Path) -> None:
    causes = [("node/n1", "oom"), ("node/n1", "oom"), ("node/n2", "resource_saturation"),
              ("node/n1", "resource_saturation"), ("node/n3", "oom")]  # fmt: skip
    result = card(tmp_path, [incident("i", 100, 110, resolved=150, causes=causes)], [fault("f", 100, 150, 100)])
    assert (result.faults[0].hit_1, result.faults[0].hit_3) == (False, True)


@pytest.mark.parametrize(
    ("onset", "resolved", "hits"), [(190, 195, 1), (180, 189.9, 0), (300, 310, 1), (300.1, 310, 0)]
)
def test_a_trap_reaches_from_one_window_before_its_start_to_60_s_after_its_end(
    tmp_path: Path, onset: float, resolved: float, hits: int
) -> None:
    trap = fault("t", 200, 240, None, trap=True, entities=[], categories=[])
    assert card(tmp_path, [incident("i", onset, onset, resolved=resolved)], [trap]).on_traps == hits


def test_an_incident_that_found_a_fault_is_not_held_against_a_trap_beside_it(tmp_path: Path) -> None:
    faults = [fault("f", 100, 150, 100), fault("t", 140, 170, None, trap=True, entities=[], categories=[])]
    result = card(tmp_path, [incident("i", 100, 110, resolved=160)], faults)
    assert (result.on_traps, outcomes(result)["t"]) == (0, "quiet")


def test_a_trap_that_hurt_requests_is_named_and_still_not_asked_for(tmp_path: Path) -> None:
    trap = fault("t", 200, 240, 205, trap=True, entities=[], categories=[])
    result = card(tmp_path, [incident("i", 205, 210, resolved=240)], [trap])
    assert (result.traps_that_hurt, result.recall.n, result.on_traps) == (1, 0, 1)
    assert outcomes(result)["t"] == "fooled"


def test_no_incident_and_no_fault_leave_shares_unknown_instead_of_zero(tmp_path: Path) -> None:
    result = card(tmp_path, [], [])
    assert result.recall.value is None
    assert result.precision.value is None
    assert result.chance_1 is None
    assert json.loads(json.dumps(result.to_json()))["recall"]["wilson95"] is None


@pytest.mark.parametrize(
    ("incidents", "truth", "says"),
    [
        (None, '{"faults": []}', "incidents.jsonl: cannot be read"),
        ("", None, "truth.json: cannot be read"),
        ("", '{"fault": []}', "missing required field `faults`"),
        ("", "{", "truth.json: not a truth file"),
        ("\n{}\n", '{"faults": []}', "incidents.jsonl, line 2: not an incident"),
        ("", json.dumps({"faults": [fault("f", 100, 50, 100)]}), "ends before it starts"),
        ("", json.dumps({"faults": [fault("f", 1, 2, 1), fault("f", 1, 2, 1)]}), "two faults share an id"),
        ("", json.dumps({"faults": [fault("f", 1, 2, 1) | {"effect_at": "soon"}]}), "soon"),
    ],
)
def test_a_missing_or_broken_file_is_named_with_its_fault_and_ends_with_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], incidents: str | None, truth: str | None, says: str
) -> None:
    paths = tmp_path / "incidents.jsonl", tmp_path / "truth.json"
    for path, text in zip(paths, (incidents, truth), strict=True):
        if text is not None:
            path.write_text(text)
    with pytest.raises(ScoreInputError, match=says):
        score_run(*paths, 10_000)
    assert score_files(*paths, 10_000, as_json=False) == 2
    assert says in capsys.readouterr().err


def test_the_table_for_people_names_outcomes_intervals_and_chance(tmp_path: Path) -> None:
    incidents = [incident("i1", 100, 112, resolved=140), incident("i9", 900, 910, resolved=920)]
    result = card(tmp_path, incidents, [fault("f1", 98, 140, 102)])
    out = StringIO()
    print_scorecard(result, console=Console(file=out, width=140))
    text = out.getvalue()
    for part in ("found", "10.0 s", "1/1 = 1.00", "[0.21, 1.00]", "1/2 = 0.50", "false i9: no fault near", "chance"):
        assert part in text
    assert "\x1b" not in text


def test_the_json_for_programs_is_the_whole_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = write_lines(tmp_path / "i.jsonl", [incident("i1", 100, 112, resolved=140)])
    truth = write_truth(tmp_path / "t.json", [fault("f1", 98, 140, 102)])
    assert score_files(lines, truth, 10_000, as_json=True) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["recall"] == {"hits": 1, "n": 1, "value": 1.0, "wilson95": [pytest.approx(0.2065, abs=1e-4), 1.0]}
    assert read["faults"][0]["time_to_detect_s"] == 10.0
