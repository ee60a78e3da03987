"""A batch in, packets out: every record is in exactly one place, and the accounts say which, in exact integers."""

import hashlib
from collections import Counter
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bucket import Bucket
from models.frame import Frame
from models.intake import HEARTBEAT, TopicName
from models.packets import COUNTS, Account, Packet
from models.records import Change
from models.scores import Judged
from models.series import SeriesTable
from models.times import to_iso
from tests.core_cases import PIPELINE, T0, accounts, arrival, letters, line, output, read, sample

PARTS = ("scored", "late", "duplicate", "dead_lettered", "dropped_by_policy")
#: name, id, time, partition, b"good" or poison, late, ahead
Mixed = tuple[str, int, int, int, bytes | None, bool, bool]
POISON = [None, b"", b"null", b"\xff", b"[" * 50_000, sample(value="x"), output(confidence=True), b'{"value":NaN}']


def fold(topic: Literal["model-outputs", "telemetry"], packets: list[Packet]) -> list[Packet]:
    """Fold every pane, bucket by bucket; answer the accounts of what was folded."""

    def judge(table: SeriesTable, _frame: Frame, _start: int, _end: int) -> tuple[SeriesTable, list[Judged]]:
        return table, []

    bucket, answer = Bucket[Any]("model" if topic == "model-outputs" else "infra", PIPELINE, judge), []
    for key in {packet.key for packet in packets if packet.topic == "pane"}:
        blobs = [(p.timestamp, p.value) for p in packets if p.topic == "pane" and p.key == key]
        answer += bucket.close(None, blobs, max(pane for pane, _ in blobs) + PIPELINE.windows.size).accounts
    return answer


def mixes() -> st.SearchStrategy[list[Mixed]]:
    """Few names, ids and times, so that some are equal."""
    some = st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(0, 3),
        st.integers(0, 4).map(lambda step: T0 + 3_000 * step),
        st.integers(0, 2),
        st.one_of(st.just(b"good"), st.just(b"good"), st.sampled_from([*POISON, HEARTBEAT])),
        st.sampled_from([False, False, True]),
        st.sampled_from([False, False, False, True]),
    )
    return st.lists(some, max_size=60)


@settings(deadline=None, max_examples=60)
@given(mixes(), st.integers(1, 60), st.sampled_from(["model-outputs", "telemetry"]))
def test_the_five_terms_add_up_to_what_was_consumed_in_every_partition(
    mix: list[Mixed],
    batch: int,
    topic: Literal["model-outputs", "telemetry"],
) -> None:
    arrivals, truth, seen = [], Counter[str](), set()
    for name, number, at, partition, value, late, ahead in mix:
        if value == b"good":
            value = output(service=name, request_id=f"r{number}", timestamp=at)
            if topic == "telemetry":
                value = sample(node=name, metric=f"m{number}", timestamp=at)
            identity = (name, number, at)
            kind = "duplicate" if identity in seen else "scored"
        else:
            identity, kind = None, "dead_lettered"
        if value != HEARTBEAT:
            kind = "dead_lettered" if ahead else "late" if late else kind
            truth.update({"consumed": 1, kind: 1})
            if kind == "scored":
                seen.add(identity)
        arrivals.append(arrival(value, at, partition, late, ahead))
    packets = [p for at in range(0, len(arrivals), batch) for p in read(topic, arrivals[at : at + batch])]
    by_partition = accounts([*packets, *fold(topic, packets)])
    for counts in by_partition.values():
        assert counts["consumed"] == sum(counts[part] for part in PARTS)
    total = sum(by_partition.values(), Counter[str]())
    assert {name: total[name] for name in ("consumed", *PARTS)} == {name: truth[name] for name in ("consumed", *PARTS)}
    assert len(letters(packets)) == truth["late"] + truth["dead_lettered"]


@pytest.mark.parametrize(
    ("late", "ahead", "value", "reason"),
    [
        (True, False, output(), "late"),
        (True, True, output(), "timestamp_ahead"),
        (False, True, b"", "timestamp_ahead"),
        (False, False, b"", "malformed"),
    ],
)
def test_a_dead_letter_says_where_the_record_stood_and_why(late: bool, ahead: bool, value: bytes, reason: str) -> None:
    (letter,) = letters(read("model-outputs", [arrival(value, T0, 3, late, ahead)]))
    assert (letter.topic, letter.partition, letter.offset, letter.reason) == ("model-outputs", 3, 7, reason)
    assert (letter.timestamp, letter.value, letter.size) == (to_iso(T0), value, len(value))
    assert letter.sha256 == hashlib.sha256(value).hexdigest()


def test_a_dead_letter_stays_small_however_large_the_record() -> None:
    quoted, large = sample(kind="k" * 200_000), b"x" * 1_000_000
    packets = read("telemetry", [arrival(quoted), arrival(large)])
    assert [len(letter.value) for letter in letters(packets)] == [32_768, 32_768]
    assert [letter.size for letter in letters(packets)] == [len(quoted), len(large)]
    assert all(len(packet.value) < 50_000 for packet in packets)


@pytest.mark.parametrize("at", [-(2**63), -1, 2**63 - 1, T0 * 1000])
def test_a_record_whose_time_no_calendar_has_is_a_dead_letter_too(at: int) -> None:
    (letter,) = letters(read("telemetry", [arrival(sample(), at, ahead=True)]))
    assert letter.reason == "timestamp_ahead"


def test_heartbeats_are_in_no_account() -> None:
    assert read("telemetry", [arrival(HEARTBEAT), arrival(HEARTBEAT, ahead=True)]) == []


def test_labels_are_dropped_by_policy_and_changes_are_passed_on() -> None:
    label = line(service="a", request_id="r", timestamp=T0, label=1)
    change = line(service="a", timestamp=T0, type="deploy", ref="v2")
    assert accounts(read("labels", [arrival(label)]))[0]["dropped_by_policy"] == 1
    packets = read("changes", [arrival(change, T0 + 5), arrival(change, T0, late=True)])
    assert accounts(packets)[0]["scored"] == 2
    told = [p for p in packets if p.topic == "change"]
    assert [(p.key, p.timestamp) for p in told] == [("a", T0 + 5), ("a", T0)]
    assert msgspec.msgpack.decode(told[0].value, type=Change).ref == "v2"


def test_a_score_line_becomes_the_evidence_that_it_was() -> None:
    window = {"start": to_iso(T0), "end": to_iso(T0 + 10_000)}
    told = {"detector": "fused", "score": 1.5, "p_value": 0.5, "n": 1, "stream": "infra", "service": "n1"}
    packets = read("infra-scores", [arrival(line(**told, window=window, entity="node/n1"))])
    (packet,) = [p for p in packets if p.topic == "judged"]
    judged = msgspec.msgpack.decode(packet.value, type=Judged)
    assert (packet.timestamp, judged.subject, judged.end_ms) == (T0 + 9_999, "node/n1", T0 + 10_000)
    assert judged.scores[0].score == 1.5


@pytest.mark.parametrize(("apart", "skewed"), [(0, 0), (60_000, 0), (60_001, 1), (-60_001, 1)])
def test_a_body_that_disagrees_with_its_record_is_scored_and_counted(apart: int, skewed: int) -> None:
    counts = accounts(read("telemetry", [arrival(sample(timestamp=T0), T0 + apart)]))[0]
    assert (counts["skewed"], counts["dead_lettered"]) == (skewed, 0)


def test_a_pane_is_that_of_the_record_and_not_of_its_body() -> None:
    packets = read("telemetry", [arrival(sample(timestamp=0), T0 + 7_400)])
    assert [p.timestamp for p in packets if p.topic == "pane"] == [T0 + 5_000]


def test_all_records_of_a_service_meet_in_one_bucket() -> None:
    values = [arrival(output(service=f"s{number % 5}", request_id=str(number))) for number in range(50)]
    keys = [{p.key for p in read("model-outputs", values[n::5]) if p.topic == "pane"} for n in range(5)]
    assert all(len(found) == 1 for found in keys)


@given(st.lists(st.integers(0, 9), min_size=14, max_size=14))
def test_accounts_add_up_name_by_name(numbers: list[int]) -> None:
    one, two = (
        Account(topic="t", partition=1, **dict(zip(COUNTS, n, strict=True))) for n in (numbers[:7], numbers[7:])
    )
    both = one.plus(two)
    assert [getattr(both, name) for name in COUNTS] == [a + b for a, b in zip(numbers[:7], numbers[7:], strict=True)]


def test_every_topic_counts_what_it_cannot_read() -> None:
    topics: list[TopicName] = ["model-outputs", "telemetry", "labels", "changes", "model-scores", "infra-scores"]
    for topic in topics:
        assert accounts(read(topic, [arrival(value) for value in POISON]))[0]["dead_lettered"] == len(POISON)
