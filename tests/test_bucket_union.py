"""Buckets worked on together: the verdicts and the memory of each are those that it has when worked on alone."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact import Artifacts
from models.bucket import Bucket, Closed
from models.bucket_memory import Memory, encode
from models.bucket_union import TOGETHER, Piece, apart, joined, unions
from models.config import Pipeline
from models.intake import TopicName
from models.scorer import Scorer
from models.scores import Stream
from models.series import SeriesTable
from tests.core_cases import T0, accounts, arrival, output, read, sample

STREAMS: list[tuple[Stream, TopicName]] = [("model", "model-outputs"), ("infra", "telemetry")]
WINDOWS = 12
Blobs = dict[str, list[tuple[int, bytes]]]


def pipeline(sliding: bool, most: int = 1000) -> Pipeline:
    windows = {"pane": "2s", "size": "8s" if sliding else "4s", "slide": "4s", "buckets": 4, "forget": "20s"}
    return Pipeline.model_validate({
        "windows": windows, "expectation": {"warm_up": 4}, "outputs": {"score_floor": 0},
        "limits": {"max_services": most},
        "detectors": {"infra": [{"kind": "ewma"}, {"kind": "static"}]},
    })  # fmt: skip


def history(topic: TopicName, config: Pipeline, gone: frozenset[int], services: int) -> Iterator[tuple[int, Blobs]]:
    """Yield the end of each window and its blobs by bucket; a service is not heard in the windows that `gone` names."""
    for window in range(WINDOWS):
        start, records = T0 + 4_000 * window, []
        for service in range(services):
            if window * services + service in gone:
                continue
            for step in range(4):
                at, value = start + 1000 * step, float((window * 7 + step + service) % 5)
                if topic == "telemetry":
                    fields = {"node": f"n{service}", "timestamp": at}
                    records += [arrival(sample(value=value, **fields), at),
                                arrival(sample(value=1.0 * at, metric="requests", kind="counter", **fields), at),
                                arrival(sample(value=value % 2, metric="oom_kills", kind="delta",
                                               service=f"s{service}", **fields), at)]  # fmt: skip
                else:
                    told = output(service=f"s{service}", request_id=f"{at}", latency_ms=value, timestamp=at,
                                  features={f"f{service % 3}": value, "all": value})  # fmt: skip
                    records.append(arrival(told, at))
        blobs: Blobs = defaultdict(list)
        for packet in read(topic, records, config) if records else []:
            if packet.topic == "pane":
                blobs[packet.key].append((packet.timestamp, packet.value))
        yield start + 4_000, blobs


def told(closed: dict[str, Closed]) -> list[Any]:
    """What is the same however buckets are worked on: all but the way that accounts are divided among them."""
    parts = [packet for one in closed.values() for packet in one.accounts]
    sums = {key: {name: count for name, count in account.items() if count} for key, account in accounts(parts).items()}
    return [sums, [(key, encode(one.memory), one.judged, one.tracked, one.warming, one.refused)
                   for key, one in sorted(closed.items())]]  # fmt: skip


def buckets(stream: Stream, config: Pipeline) -> Bucket[Any]:
    return Bucket[Any](stream, config, Scorer.of(stream, config, Artifacts.empty()).judge)


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
@settings(max_examples=12, deadline=None)
@given(sliding=st.booleans(), gone=st.frozensets(st.integers(0, 6 * WINDOWS), max_size=40))
def test_together_each_bucket_is_told_and_remembers_what_it_does_alone(
    stream: Stream, topic: TopicName, sliding: bool, gone: frozenset[int]
) -> None:
    config = pipeline(sliding)
    bucket, known = buckets(stream, config), {str(key): Memory[Any]() for key in range(4)}
    for end_ms, blobs in history(topic, config, gone, 6):
        pieces = {key: Piece(memory, blobs[key]) for key, memory in known.items()}
        alone = {key: bucket.close(piece.memory, piece.blobs, end_ms) for key, piece in pieces.items()}
        together = bucket.close_all(pieces, end_ms)
        assert told(together) == told(alone)
        known = {key: closed.memory for key, closed in together.items()}


@pytest.mark.parametrize(("stream", "topic"), STREAMS)
def test_who_finds_no_room_is_a_matter_of_each_bucket(stream: Stream, topic: TopicName) -> None:
    config = pipeline(sliding=False, most=8)
    bucket, refused = buckets(stream, config), 0
    known = {str(key): Memory[Any]() for key in range(4)}
    for end_ms, blobs in history(topic, config, frozenset(range(40)), 20):
        pieces = {key: Piece(memory, blobs[key]) for key, memory in known.items()}
        together = bucket.close_all(pieces, end_ms)
        assert told(together) == told({key: bucket.close(p.memory, p.blobs, end_ms) for key, p in pieces.items()})
        known = {key: closed.memory for key, closed in together.items()}
        refused += sum(closed.refused for closed in together.values())
    assert refused > 0


def test_what_came_is_accounted_for_once_though_buckets_close_together() -> None:
    config = pipeline(sliding=False)
    bucket = buckets("infra", config)
    end_ms, blobs = next(history("telemetry", config, frozenset(), 6))
    closed = bucket.close_all({str(key): Piece(Memory[Any](), blobs[str(key)]) for key in range(4)}, end_ms)
    parts = [packet for one in closed.values() for packet in one.accounts]
    assert sum(account["scored"] for account in accounts(parts).values()) == 6 * 4 * 3


def table(*names: str, **columns: int) -> SeriesTable:
    return SeriesTable(list(names), {name: np.full(len(names), float(value)) for name, value in columns.items()})


def test_buckets_that_remember_other_things_of_a_series_are_not_put_together() -> None:
    """So after a restart with other detectors: a bucket that has not been judged since still has the old columns."""
    pieces = {"0": Piece(Memory(table=table("service/a rate", seen=1))), "1": Piece(Memory[Any]()),
              "2": Piece(Memory(table=table("service/b rate", seen=1, mean=2)))}  # fmt: skip
    assert [list(union) for union in unions(pieces)] == [["0", "1"], ["2"]]


def test_no_more_are_put_together_than_gain_by_it() -> None:
    usual = {f"service/{number}": None for number in range(TOGETHER // 2)}
    pieces: dict[str, Piece[Any]] = {key: Piece(Memory(usual=usual)) for key in "012"}  # type: ignore[arg-type]
    assert [list(union) for union in unions(pieces)] == [["0", "1"], ["2"]]


def test_tables_come_apart_as_they_were_and_new_rows_go_to_the_bucket_of_their_subject() -> None:
    first, second = table("service/a rate", "service/a b rate", seen=1), table("service/c rate", seen=2)
    both = joined([first, SeriesTable.empty(), second])
    grown, _ = both.with_rows(["service/a b latency", "service/c latency"], {"seen": (None, 0.0)})
    owners = {"service/a b": "0", "service/c": "1"}
    parts = apart(grown, {"0": first, "1": second}, owners)
    assert parts["0"].keys == ["service/a rate", "service/a b rate", "service/a b latency"]
    assert parts["1"].keys == ["service/c rate", "service/c latency"]
    assert parts["1"].columns["seen"].tolist() == [2.0, 0.0]


def test_a_series_of_nobody_is_an_error() -> None:
    with pytest.raises(ValueError, match="'service/x rate' belongs to no subject that is known"):
        apart(table("service/x rate"), {"0": SeriesTable.empty(), "1": SeriesTable.empty()}, {"service/y": "0"})
