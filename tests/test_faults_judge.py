"""The judge of the fault harness tells equal, lost and repeated apart, and its load is the same at every run."""

from typing import Any

import pytest

from bench.faults_judge import about, judge, judge_accounts
from bench.faults_load import FED, Load
from bench.faults_output import gap

TERMS = {"scored": 0, "late": 0, "duplicate": 0, "dead_lettered": 0, "dropped_by_policy": 0}


def event(subject: str, revision: int, **data: Any) -> dict[str, Any]:
    body = {"entity": {"service.name": subject}, "provenance": {"replay": False}, **data}
    return {"subject": subject, "sequence": f"{revision:06}", "recordedtime": "now", "data": body}


RUN = [event("a", 1), event("a", 2), event("b", 1, severity="high")]


def test_the_same_revisions_in_any_order_and_at_any_processing_time_are_equal() -> None:
    found = [{**one, "recordedtime": "later"} for one in reversed(RUN)]
    assert (judge(RUN, found).outcome, judge(RUN, found).detail) == ("equal", "")


@pytest.mark.parametrize(
    ("found", "outcome", "detail"),
    [
        (RUN[1:], "lost", "1 missing: a/000001"),
        ([*RUN, RUN[0]], "repeated", "1 repeated: a/000001"),
        ([*RUN, event("a", 3)], "repeated", "1 unexpected: a/000003"),
        ([*RUN[:2], event("b", 1, severity="low")], "lost", "1 changed: b/000001"),
        ([RUN[0], RUN[0], RUN[2]], "lost", "1 missing: a/000002; 1 repeated: a/000001"),
        ([], "lost", "3 missing: a/000001, a/000002, b/000001"),
    ],
)
def test_lost_and_repeated_are_told_apart(found: list[dict[str, Any]], outcome: str, detail: str) -> None:
    finding = judge(RUN, found)
    assert (finding.outcome, finding.detail) == (outcome, detail)


def test_only_what_is_named_may_differ() -> None:
    other = [*RUN[:2], event("b", 1, severity="high", provenance={"replay": True})]
    assert judge(RUN, other).outcome == "lost"
    assert judge(RUN, other, ["data.provenance.replay"]).outcome == "equal"


def test_incidents_that_a_fault_brought_along_are_left_out_of_the_comparison() -> None:
    assert about([*RUN, event("flood-1", 1)], ("flood-",)) == RUN
    assert about(RUN, ()) == RUN


def test_an_account_must_hold_every_record_once() -> None:
    good = {("t", 0): {**TERMS, "consumed": 5, "scored": 3, "late": 2}}
    assert judge_accounts({("t", 0): 5}, good) == []
    assert judge_accounts({("t", 0): 6}, good) == ["t/0 consumed 5 of 6"]
    assert judge_accounts({("t", 1): 1}, good) == ["t/1 has no account of 1 records"]
    twice = {("t", 0): {**TERMS, "consumed": 5, "scored": 5, "late": 1}}
    assert judge_accounts({("t", 0): 5}, twice) == ["t/0 consumed 5, accounts for 6"]


def test_a_gap_begins_with_the_last_output_before_the_strike() -> None:
    assert gap([1.0, 2.0, 9.0, 10.0], 2.5, 11.0) == 7.0
    assert gap([1.0], 2.5, 11.0) == 8.5
    assert gap([], 2.5, 11.0) == 8.5


def test_a_load_is_the_same_at_every_run_and_holds_what_it_says() -> None:
    load = Load(1_700_000_000_000, 90)
    records = list(load.records())
    assert records == list(load.records())
    assert {one.topic for one in records} == set(FED)
    assert [one.at_s for one in records] == sorted(one.at_s for one in records)
    times = [one.record.timestamp_ms for one in records]
    assert len(records) == 90 * load.rate + 90 * load.rate // 100
    behind = [max(times[: at + 1]) - time for at, time in enumerate(times) if at % 50 == 0]
    assert max(one for one in behind if one < 10_000) < 2_000
    assert max(behind) < 33_000
