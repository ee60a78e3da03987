"""The operators on the harness: order within a pane and restarts at any point change nothing that they write."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import cloudpickle
import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyflink.common import Row

from models.artifact import Artifacts
from models.batch import Arrival, BatchReader, Parts
from models.config import Pipeline
from models.correlate_live import bucket_of
from models.evidence import ChangeNote, Evidence
from models.intake import HEARTBEAT, TopicName
from models.loads import KEY_LETTERS, loads_of, read_load
from models.packets import Account, DeadLetter, Packet
from models.records import Change
from models.scores import Judged, Stream
from tests.core_cases import accounts
from tests.correlate_cases import BUSY, SLOW, T0, change, fused, seen
from tests.correlate_cases import settings as correlator_settings
from tests.harness import Harness, Step, checked, play
from udfs.account import SumAccounts
from udfs.correlate import Correlate
from udfs.explode import Explode
from udfs.lanes import ACCOUNTS, EVIDENCE, LETTERS, in_lanes
from udfs.packets import from_row, to_row
from udfs.read import ReadBatch
from udfs.score import ScoreWindows
from udfs.score_loads import ScoreLoads

PIPELINE = Pipeline.model_validate(
    {
        "windows": {"pane": "1s", "size": "2s", "out_of_orderness": "1s"},
        "expectation": {"history": 8, "warm_up": 4},
        "detectors": {"model": [{"kind": "static"}, {"kind": "ewma"}], "infra": [{"kind": "static"}, {"kind": "ewma"}]},
        "outputs": {"score_floor": 0},
    }
)
PANES = 16
FOREVER = 2**63 - 1
#: A step of a history: a row to give, or a watermark (int) to advance to.


def message(topic: TopicName, pane: int, number: int, dice: random.Random) -> tuple[int, bytes]:
    """A record of a pane; the later panes are slower and hotter."""
    at = T0 + 1000 * pane + dice.randrange(1000)
    level = 80.0 if pane >= PANES - 4 else 10.0
    if topic == "telemetry":
        kind = dice.choice(("gauge", "counter"))
        body: dict[str, Any] = {"node": f"n{number % 2}", "metric": f"m.{kind}", "kind": kind, "value": level + number}
    else:
        latency = level + dice.random()
        body = {"service": f"s{number % 3}", "request_id": f"r{pane}-{number}", "latency_ms": latency}
        body |= {"confidence": dice.random(), "prediction": dice.choice("ab"), "features": {"x": dice.random()}}
    return at, json.dumps({"timestamp": at, **body}).encode()


def panes(topic: TopicName, order: random.Random | None) -> list[list[Row]]:
    """Packets of every pane; `order` decides the order of its records, and how they are cut into batches."""
    dice, reader = random.Random(7), BatchReader(topic, PIPELINE)
    answer = []
    for pane in range(PANES):
        records = [message(topic, pane, number, dice) for number in range(12)]
        records.append(records[3])
        arrivals = [Arrival(value, at, at % 2, 0, False, False) for at, value in records]
        if order is not None:
            order.shuffle(arrivals)
        size = len(arrivals) if order is None else order.randrange(1, len(arrivals) + 1)
        batches = [arrivals[at : at + size] for at in range(0, len(arrivals), size)]
        answer.append([to_row(packet) for batch in batches for packet in reader.read(batch) if packet.topic == "pane"])
    return answer


def score_history(topic: TopicName, order: random.Random | None = None) -> list[Step]:
    steps: list[Step] = []
    for pane, rows in enumerate(panes(topic, order)):
        steps += [*rows, T0 + 1000 * pane - 1]
    return [*steps, FOREVER]


def evidence_row(evidence: Evidence) -> Row:
    return to_row(Packet("evidence", evidence.service, evidence.end_ms - 1, msgspec.msgpack.encode(evidence)))


def correlate_history(order: random.Random | None = None) -> list[Step]:
    """Twenty windows: quiet, then a busy node under a slow service and a deploy before it, then quiet again."""
    steps: list[Step] = []
    for index in range(20):
        strange = 6 <= index < 11
        rows = [
            evidence_row(seen("fraud", "service/fraud", "self", "model", index, SLOW if strange else None)),
            evidence_row(seen("fraud", "node/n2", "carrier", "infra", index, BUSY if strange else None)),
            evidence_row(seen("checkout", "service/checkout", "self", "model", index)),
            evidence_row(seen("checkout", "service/fraud", "dependency", "model", index, SLOW if strange else None)),
        ]
        if index == 5:
            note: ChangeNote = change("fraud", T0 + 52_000)
            rows.append(to_row(Packet("change-note", "fraud", note.timestamp_ms, msgspec.msgpack.encode(note))))
        if order is not None:
            order.shuffle(rows)
        steps += [*rows, T0 + 10_000 * index + 7_000]
    return [*steps, FOREVER]


def account_history() -> list[Step]:
    steps: list[Step] = []
    for at in range(12):
        part = Account(topic="telemetry", partition=at % 2, consumed=at, scored=at)
        steps.append(to_row(Packet("account", f"telemetry/{at % 2}", 0, msgspec.msgpack.encode(part))))
        if at % 3 == 2:
            steps.append(T0 + at)
    return [*steps, FOREVER]


def without_watermarks(steps: list[Step], skipped: frozenset[int]) -> list[Step]:
    """Leave out the watermarks among the skipped steps; the last one stays."""
    return [step for at, step in enumerate(steps) if not isinstance(step, int) or at not in skipped or step == FOREVER]


def without_clock(rows: list[Row]) -> list[tuple[str, str, int, bytes]]:
    """Rows as tuples; an incident loses the one field that tells processing time."""
    answer = []
    for topic, key, timestamp, value in rows:
        if topic.startswith("incidents"):
            value = json.dumps({k: v for k, v in json.loads(value).items() if k != "recordedtime"}).encode()
        answer.append((topic, key, timestamp, value))
    return answer


def settled(rows: list[Row]) -> tuple[list[Row], dict[int, Counter[str]]]:
    """Rows by topic and key, those of each in order, and the sum of all accounts.

    After a restart buckets are found one by one, and windows end for fewer of them together: what is written of one key
    is the same, but not what comes first, nor how the account is divided.
    """
    others = sorted((row for row in rows if row[0] != "account"), key=lambda row: (row[0], row[1]))
    return others, dict(accounts(from_row(row) for row in rows))


def scorer(stream: Stream) -> Harness:
    return Harness(ScoreWindows(stream, PIPELINE, Artifacts.empty()))


def correlator() -> Harness:
    return Harness(Correlate(correlator_settings()))


STREAMS: list[tuple[Stream, TopicName]] = [("model", "model-outputs"), ("infra", "telemetry")]


@cache
def scored(stream: Stream) -> Harness:
    """The whole history of a stream, once, in order and without a restart."""
    return play(scorer(stream), score_history(dict(STREAMS)[stream]))


@cache
def joined() -> Harness:
    """The same for the correlator."""
    return play(correlator(), correlate_history())


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
@settings(max_examples=15, deadline=None)
@given(order=st.randoms(use_true_random=False))
def test_records_in_any_order_and_any_batches_within_a_pane_give_byte_equal_scores(
    stream: Stream, topic: TopicName, order: random.Random
) -> None:
    assert play(scorer(stream), score_history(topic, order)).outputs == scored(stream).outputs


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
@settings(max_examples=15, deadline=None)
@given(restarts=st.frozensets(st.integers(0, 8 * PANES), max_size=6))
def test_a_scorer_restored_at_any_point_writes_the_same(
    stream: Stream, topic: TopicName, restarts: frozenset[int]
) -> None:
    told = play(scorer(stream), score_history(topic), restarts).outputs
    assert settled(told) == settled(scored(stream).outputs)


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
@settings(max_examples=15, deadline=None)
@given(skipped=st.frozensets(st.integers(0, 8 * PANES)))
def test_a_watermark_that_passes_many_windows_at_once_gives_the_same_scores(
    stream: Stream, topic: TopicName, skipped: frozenset[int]
) -> None:
    coarse = play(scorer(stream), without_watermarks(score_history(topic), skipped)).outputs
    assert settled(coarse) == settled(scored(stream).outputs)


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
def test_a_scorer_writes_verdicts_evidence_and_an_exact_account(stream: Stream, topic: TopicName) -> None:
    rows = [from_row(row) for row in scored(stream).outputs]
    assert {packet.topic for packet in rows} == {f"{stream}-scores", "evidence", "account"}
    parts = [msgspec.msgpack.decode(packet.value, type=Account) for packet in rows if packet.topic == "account"]
    assert {part.partition for part in parts} == {0, 1}
    assert sum(part.scored + part.duplicate for part in parts) == 13 * PANES
    assert sum(part.duplicate for part in parts) >= PANES
    lines = [json.loads(packet.value) for packet in rows if packet.topic == f"{stream}-scores"]
    assert max(line["score"] for line in lines) >= 1, "the change of level at the end is strange"
    assert {line.get("status", "ok") for line in lines} == {"warming_up", "ok"}


@pytest.mark.parametrize(("stream", "subjects"), [("model", 3), ("infra", 2)])
def test_a_scorer_tells_how_many_it_tracks_and_how_many_warm_up(stream: Stream, subjects: int) -> None:
    gauges = scored(stream).gauges
    names = ("tracked_services", "warming_up", "refused_services", "state_bytes")
    assert set(gauges) == {f"stream.{stream}.{name}" for name in names}
    assert gauges[f"stream.{stream}.refused_services"]() == 0
    assert scored(stream).counters[f"stream.{stream}.windows_scored_total"].count >= PANES // 2
    assert gauges[f"stream.{stream}.tracked_services"]() == subjects
    assert gauges[f"stream.{stream}.warming_up"]() == 0
    topic = dict(STREAMS)[stream]
    young = play(scorer(stream), score_history(topic)[:30])
    assert young.gauges[f"stream.{stream}.warming_up"]() == subjects


@settings(max_examples=25, deadline=None)
@given(order=st.randoms(use_true_random=False))
def test_evidence_in_any_order_within_a_window_gives_byte_equal_incidents(order: random.Random) -> None:
    assert without_clock(play(correlator(), correlate_history(order)).outputs) == without_clock(joined().outputs)


@settings(max_examples=25, deadline=None)
@given(restarts=st.frozensets(st.integers(0, 102), max_size=8))
def test_a_correlator_restored_at_any_point_writes_the_same(restarts: frozenset[int]) -> None:
    assert without_clock(play(correlator(), correlate_history(), restarts).outputs) == without_clock(joined().outputs)


@settings(max_examples=25, deadline=None)
@given(skipped=st.frozensets(st.integers(0, 102)))
def test_a_watermark_that_passes_many_windows_at_once_gives_the_same_incidents(skipped: frozenset[int]) -> None:
    coarse = play(correlator(), without_watermarks(correlate_history(), skipped)).outputs
    assert without_clock(coarse) == without_clock(joined().outputs)


def test_a_correlator_opens_one_incident_writes_it_to_both_topics_and_counts_it_while_it_is_open() -> None:
    topics = [row[0] for row in joined().outputs]
    assert topics == ["incidents", "incidents-current"] * (len(topics) // 2)
    events = [json.loads(row[3]) for row in joined().outputs[::2]]
    assert [events[0]["data"]["status"], events[-1]["data"]["status"]] == ["open", "resolved"]
    assert len({event["subject"] for event in events}) == 1
    assert [row[1] for row in joined().outputs[:2]] == ["fraud", events[0]["subject"]]
    assert joined().gauges["open_incidents"]() == 0
    assert play(correlator(), correlate_history()[:50]).gauges["open_incidents"]() == 1


def test_a_window_is_judged_only_when_its_end_has_passed() -> None:
    harness = correlator()
    harness.process(evidence_row(seen("fraud", "service/fraud", "self", "model", 0, SLOW)))
    assert harness.timers == [(T0 + 9_999, "fraud")]
    harness.advance_watermark(T0 + 9_998)
    assert harness.timers


def test_evidence_for_a_window_that_is_past_does_not_take_a_change_away_from_the_next() -> None:
    harness, quiet = correlator(), [seen("fraud", "service/fraud", "self", "model", index) for index in (0, 1)]
    harness.process(evidence_row(quiet[0]))
    harness.advance_watermark(T0 + 9_999)
    note = change("fraud", T0 + 5_000)
    harness.process(to_row(Packet("change-note", "fraud", note.timestamp_ms, msgspec.msgpack.encode(note))))
    harness.process(evidence_row(quiet[0]))
    harness.advance_watermark(T0 + 10_000)
    assert harness._operator._live["fraud"].changes_waiting == 1
    harness.process(evidence_row(quiet[1]))
    harness.advance_watermark(T0 + 19_999)
    live = harness._operator._live["fraud"]
    assert (live.changes_waiting, [one.ref for one in live.memories["fraud"].changes]) == (0, ["v2"])


@settings(max_examples=25, deadline=None)
@given(restarts=st.frozensets(st.integers(0, 16), max_size=5))
def test_the_last_sum_of_an_account_is_exact_wherever_it_was_restored(restarts: frozenset[int]) -> None:
    written = play(Harness(SumAccounts()), account_history(), restarts).outputs
    last = {json.loads(row[3])["partition"]: json.loads(row[3])["scored"] for row in written}
    assert last == {0: 0 + 2 + 4 + 6 + 8 + 10, 1: 1 + 3 + 5 + 7 + 9 + 11}
    assert {(row[0], row[1]) for row in written} == {("state", f"account/telemetry/{n}") for n in (0, 1)}


def test_an_account_is_written_once_for_all_that_came_before_a_watermark() -> None:
    harness = Harness(SumAccounts())
    for step in account_history()[:3]:
        assert isinstance(step, Row)
        harness.process(step)
    assert len(harness.advance_watermark(T0)) == 2
    assert harness.advance_watermark(T0 + 1) == []


def explode(packets: list[Packet]) -> list[Packet]:
    """Take a load apart; a packet in a lane has its key in front."""
    operator = cloudpickle.loads(cloudpickle.dumps(Explode(correlator_settings().pipeline.topology)))
    (load,) = loads_of(Parts([], packets))
    answer = list(operator.process_element(Row("0", load), None))
    answer = [one for one in answer if not isinstance(one, tuple) or one[0] is not LETTERS]
    return [from_row(row) for row in checked([one[1][1] if isinstance(one, tuple) else one for one in answer])]


def test_a_load_is_taken_apart_and_what_is_not_routed_passes_unchanged() -> None:
    packets = [Packet("dead-letters", "labels/0", 7, b"letter"), Packet("account", "labels/0", 0, b"account")]
    assert explode(packets) == packets


def test_what_only_one_operator_is_for_leaves_in_its_lane_and_all_else_leaves_the_job() -> None:
    topics = ("account", "evidence", "change-note", "model-scores")
    taken = list(in_lanes(Row(topic, "k", 0, b"") for topic in topics))
    assert [one[0] if isinstance(one, tuple) else None for one in taken] == [ACCOUNTS, EVIDENCE, EVIDENCE, None]
    assert [one[1][0] for one in taken[:3]] == ["k", bucket_of("k"), bucket_of("k")]


def test_a_dead_letter_leaves_the_job_and_is_counted_by_its_topic_without_its_body() -> None:
    leaves, (lane, counted) = list(in_lanes([Row("dead-letters", "labels/3", 7, b"body")]))
    assert (leaves[3], lane) == (b"body", LETTERS)
    assert counted == Row("labels", Row("dead-letters", "labels", 7, b""))


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
def test_loads_of_batches_are_scored_as_their_blobs_are_and_what_is_no_bulk_passes_at_once(
    stream: Stream, topic: TopicName
) -> None:
    letter = Packet("dead-letters", f"{topic}/0", T0, b"letter")
    operator = ScoreLoads(stream, PIPELINE, Artifacts.empty())
    harness = Harness(Unlaned(operator), key=lambda row: str(row[0]))
    for step in score_history(topic):
        if isinstance(step, int):
            harness.advance_watermark(step)
        else:
            (load,) = loads_of(Parts([from_row(step)], [letter]))
            assert harness.process(Row(step[1], load))[0] == to_row(letter)
    assert [row for row in harness.outputs if row[0] != "dead-letters"] == scored(stream).outputs


class Unlaned:
    """An operator whose lanes are taken away, since the harness knows rows only; it sees what Flink keys by a load."""

    def __init__(self, operator: ScoreLoads) -> None:
        self._operator = operator
        self.open = operator.open

    def process_element(self, value: Row, ctx: Any) -> list[Row]:
        return _unlaned(self._operator.process_element(value[1], ctx))

    def on_timer(self, timestamp: int, ctx: Any) -> list[Row]:
        return _unlaned(self._operator.on_timer(timestamp, ctx))


def _unlaned(answer: Iterable[Any]) -> list[Row]:
    return [one[1][1] if isinstance(one, tuple) else one for one in answer]


def test_a_change_goes_to_the_service_its_callers_and_those_it_calls() -> None:
    made = msgspec.msgpack.encode(Change(service="checkout", timestamp=T0, type="deploy", ref="v2"))
    notes = [
        msgspec.msgpack.decode(p.value, type=ChangeNote) for p in explode([Packet("change", "checkout", T0, made)])
    ]
    assert {(note.service, note.relation) for note in notes} == {("checkout", "self"), ("fraud", "caller")}


def test_a_line_of_a_score_topic_goes_to_every_service_that_a_node_carries() -> None:
    score = fused("n2", "node/n2", "infra", 0, 1.5)
    judged = Judged("node/n2", "infra", T0, T0 + 10_000, [], [score])
    routed = explode([Packet("judged", "node/n2", T0, msgspec.msgpack.encode(judged))])
    assert {(one.topic, one.timestamp) for one in routed} == {("evidence", T0 + 9_999)}
    assert [one.key for one in routed] == ["fraud", "checkout"], "who is carried, then who calls it"


def read(rows: list[tuple[bytes | None, int, int, int | None]], header: int = 0) -> list[Packet]:
    """Read (message, timestamp, rowtime, watermark or None) as one Arrow batch, at offsets 100, 101 ..."""
    operator = cloudpickle.loads(cloudpickle.dumps(ReadBatch("model-outputs", PIPELINE, header)))
    operator.open(None)
    assert not operator.is_deterministic()
    times = [pd.to_datetime(pd.Series([row[place] for row in rows]), unit="ms") for place in (1, 2, 3)]
    offsets = pd.Series(range(100, 100 + len(rows)))
    answer = operator.eval(pd.Series([row[0] for row in rows]), *times, pd.Series([4] * len(rows)), offsets)
    assert len(answer) == len(rows)
    loads = [(value[:KEY_LETTERS].decode().strip(), read_load(value)) for value in answer if value is not None]
    assert all(value is None for value in answer[len(loads) :])
    assert all(load.others == [] for _, load in loads[1:])
    panes = [Packet("pane", key, load.pane_ms, load.blob) for key, load in loads if load.blob is not None]
    return [*panes, *(loads[0][1].others if loads else [])]


def output(at: int, number: int = 0) -> bytes:
    return json.dumps({"service": "s", "timestamp": at, "request_id": f"r{number}"}).encode()


def account(packets: list[Packet]) -> Account:
    (one,) = [msgspec.msgpack.decode(p.value, type=Account) for p in packets if p.topic == "account"]
    return one


def letter(packets: list[Packet]) -> DeadLetter:
    (one,) = [msgspec.json.decode(p.value, type=DeadLetter) for p in packets if p.topic == "dead-letters"]
    return one


def test_a_batch_is_answered_in_its_first_rows_and_a_record_without_watermark_is_never_late() -> None:
    packets = read([(output(T0), T0, T0, None), (output(T0 - 10**9), T0 - 10**9, T0 - 10**9, None)])
    assert [packet.topic for packet in packets] == ["pane", "pane", "account"]
    assert account(packets) == Account(topic="model-outputs", partition=4, consumed=2)


@pytest.mark.parametrize(("watermark", "late"), [(T0 + 998, False), (T0 + 999, True), (T0 + 5_000, True)])
def test_a_record_is_late_from_the_moment_its_pane_closes(watermark: int, late: bool) -> None:
    packets = read([(output(T0 + 10), T0 + 10, T0 + 10, watermark)])
    assert account(packets).late == late
    assert [packet.topic for packet in packets] == [*(["dead-letters"] if late else ["pane"]), "account"]
    if late:
        assert (letter(packets).reason, letter(packets).offset, letter(packets).partition) == ("late", 100, 4)


def test_a_record_whose_row_time_was_replaced_is_ahead_and_not_late() -> None:
    packets = read([(output(T0), T0, 0, T0 + 10**6)])
    assert letter(packets).reason == "timestamp_ahead"
    assert (account(packets).dead_lettered, account(packets).late) == (1, 0)


def test_a_heartbeat_is_not_counted_and_a_batch_of_them_answers_nothing() -> None:
    assert read([(HEARTBEAT, T0, T0, None)] * 3) == []
    assert account(read([(HEARTBEAT, T0, T0, None), (output(T0), T0, T0, T0)])).consumed == 1


def test_the_head_of_a_staged_line_is_cut_off_and_a_record_without_value_is_a_dead_letter() -> None:
    packets = read([(b"head" + output(T0), T0, T0, None), (None, T0, T0, None)], header=4)
    assert letter(packets).reason == "malformed"
    assert (account(packets).consumed, account(packets).dead_lettered) == (2, 1)
