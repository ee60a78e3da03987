"""Saved state of a bucket: memory now and then, and what came since. Reading it again gives what was there."""

from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyflink.common import Row

from models.artifact import Artifacts
from models.bucket_clock import Clock
from models.bucket_log import MOST_WINDOWS, Arrived, Head, Live, found
from models.bucket_memory import Memory
from models.config import Pipeline
from models.packets import Packet
from tests.core_cases import T0, arrival, read, sample
from tests.harness import Harness, play
from udfs.packets import to_row
from udfs.score import ScoreWindows

#: Few records and a long memory, so that many windows pass between two times that the memory is saved.
PIPELINE = Pipeline.model_validate(
    {
        "windows": {"pane": "1s", "size": "4s", "slide": "2s", "buckets": 1},
        "expectation": {"history": 400, "warm_up": 4},
        "detectors": {"infra": [{"kind": "ewma"}]},
        "outputs": {"score_floor": 0},
    }
)
SECONDS = 90
FINAL = 2**63 - 1


@cache
def steps() -> list[Row | int]:
    """A sample of two nodes every second, one of them silent for a while; the watermark follows now and then."""
    told: list[Row | int] = []
    for second in range(SECONDS):
        names = ["n1"] if 30 <= second < 40 else ["n1", "n2"]
        at = T0 + 1000 * second
        records = [arrival(sample(node=name, timestamp=at, value=float(second % 7)), at) for name in names]
        packets = read("telemetry", records, PIPELINE)
        told += [to_row(Packet("pane", "0", p.timestamp, p.value)) for p in packets if p.topic == "pane"]
        if second % 3 == 0:
            told.append(at - 1)
    return [*told, FINAL]


def played(restarts: frozenset[int]) -> Harness:
    return play(Harness(ScoreWindows("infra", PIPELINE, Artifacts.empty())), steps(), restarts)


@cache
def undisturbed() -> list[Row]:
    return played(frozenset()).outputs


@settings(max_examples=12, deadline=None)
@given(st.frozensets(st.integers(0, SECONDS + SECONDS // 3), max_size=12))
def test_a_restart_judges_what_was_judged_since_the_memory_was_saved_and_says_nothing_of_it(
    restarts: frozenset[int],
) -> None:
    assert played(restarts).outputs == undisturbed()


def test_the_memory_is_saved_seldom_and_what_is_kept_for_it_is_no_larger() -> None:
    harness, saved, judged, logged, sizes = Harness(ScoreWindows("infra", PIPELINE, Artifacts.empty())), 0, [], [], []
    memory: object = None
    for step in steps()[:-1]:
        if isinstance(step, int):
            harness.advance_watermark(step)
        else:
            harness.process(step)
        state = {name: harness.snapshot() and value for (name, _), value in harness._store.state.items()}
        live = harness._operator._live["0"]
        judged.append(len(live.judged))
        logged.append(live.logged)
        sizes.append(live.saved)
        saved += state.get("memory-v3") != memory
        memory = state.get("memory-v3")
    windows = SECONDS // 2
    assert 2 <= saved <= windows // 4
    assert 4 <= max(judged) < MOST_WINDOWS + 3
    assert max(logged) < 2 * max(sizes)


def test_a_blob_counts_in_the_first_window_that_ends_after_it_came() -> None:
    live: Live = Live(memory=Memory(), saved=100)  # type: ignore[type-arg]
    early = live.arrive(0, b"early")
    assert live.take(10) == [(0, b"early")]
    live.judged.append(10)
    later = live.arrive(5, b"later")
    assert live.take(20) == [(5, b"later")]
    live.judged.append(20)
    again, ends = found(live.head, [early, later])
    assert ends == (10, 20)
    assert [again.take(end_ms) for end_ms in ends] == [[(0, b"early")], [(5, b"later")]]


@pytest.mark.parametrize(("logged", "judged", "due"), [(99, 3, False), (100, 3, True), (0, MOST_WINDOWS, True)])
def test_a_memory_is_saved_once_as_much_has_come_or_many_windows_have_passed(
    logged: int, judged: int, due: bool
) -> None:
    live: Live = Live(memory=Memory(), judged=[*range(judged)], saved=100, logged=logged)  # type: ignore[type-arg]
    assert live.is_due == due
    assert Live(saved=100).is_due, "a bucket that remembers nothing has nothing to wait for"


def test_what_is_saved_has_a_fixed_layout() -> None:
    """A savepoint of one release is read by the next: a change of this needs another name of the state."""
    assert msgspec.msgpack.encode(Head(Clock((5,), 4), (3, 4))).hex() == "9292910504920304"
    assert msgspec.msgpack.encode(Arrived(1, 2, b"x")).hex() == "930102c40178"
