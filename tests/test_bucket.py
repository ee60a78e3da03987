"""A bucket: windows close with the panes that they hold, and its memory stays small, versioned and readable."""

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.artifact import Artifacts
from models.bucket import Bucket, Closed, window_ends
from models.bucket_kinds import ModelKind, TelemetryKind
from models.bucket_memory import Memory, encode
from models.config import Pipeline
from models.frame import Frame
from models.scorer import Scorer
from models.scores import Judged
from models.series import SeriesTable
from tests.core_cases import PIPELINE, T0, accounts, arrival, read, sample

SLIDING = Pipeline.model_validate({"windows": {"pane": "5s", "size": "20s", "slide": "10s"}})
PANE = 5_000


class Watched:
    """A bucket, and what it had judged: (start, end, signal -> value)."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.memory: Memory[Any] | None = None
        self.frames: list[tuple[int, int, dict[str, float]]] = []
        scorer = Scorer.of("infra", pipeline, Artifacts.empty())

        def judge(table: SeriesTable, frame: Frame, start: int, end: int) -> tuple[SeriesTable, list[Judged]]:
            told = dict(zip(frame.signals, frame.values.tolist(), strict=True))
            self.frames.append((start - T0, end - T0, told))
            return scorer.judge(table, frame, start, end)

        self.bucket = Bucket[Any]("infra", pipeline, judge)

    def close(self, blobs: list[tuple[int, bytes]], end: int) -> Closed:
        """As after a restart: what is known goes through its bytes."""
        known = None if self.memory is None else self.bucket.unpack(encode(self.memory))
        closed = self.bucket.close(known, blobs, T0 + end)
        self.memory = closed.memory
        return closed

    @property
    def saved(self) -> bytes:
        assert self.memory is not None
        return encode(self.memory)


def blobs(pipeline: Pipeline, *samples: tuple[int, float], **fields: str) -> list[tuple[int, bytes]]:
    arrivals = [arrival(sample(timestamp=T0 + at, value=value, **fields), T0 + at) for at, value in samples]
    return [(p.timestamp, p.value) for p in read("telemetry", arrivals, pipeline) if p.topic == "pane"]


@pytest.mark.parametrize(
    ("pane", "ends"), [(0, [10, 20]), (5, [10, 20]), (10, [20, 30]), (15, [20, 30]), (20, [30, 40])]
)
def test_a_pane_is_in_every_window_that_holds_it(pane: int, ends: list[int]) -> None:
    assert window_ends(T0 + pane * 1000, SLIDING) == [T0 + end * 1000 for end in ends]


@given(st.integers(0, 10**9), st.sampled_from([(1, 1, 1), (1, 4, 1), (1, 4, 2), (1, 6, 3), (2, 12, 4), (5, 5, 5)]))
def test_window_ends_equal_a_slow_truth(number: int, shape: tuple[int, int, int]) -> None:
    pane, size, slide = (1000 * part for part in shape)
    windows = {"pane": f"{pane}ms", "size": f"{size}ms", "slide": f"{slide}ms"}
    start = number * pane
    near = range(start // slide * slide - size, start + 2 * size + slide, slide)
    truth = [end for end in near if end - size <= start and start + pane <= end]
    assert window_ends(start, Pipeline.model_validate({"windows": windows})) == truth


def test_a_window_holds_its_own_panes_and_nothing_stays_behind() -> None:
    one = Watched(PIPELINE)
    closed = one.close(blobs(PIPELINE, (0, 1.0), (6_000, 3.0)), 10_000)
    one.close(blobs(PIPELINE, (10_000, 8.0)), 20_000)
    assert one.frames == [(0, 10_000, {"cpu": 2.0}), (10_000, 20_000, {"cpu": 8.0})]
    assert accounts(closed.accounts)[0]["scored"] == 2
    assert (closed.tracked, closed.warming) == (1, 1)


def test_sliding_windows_share_panes_and_count_each_record_once() -> None:
    one = Watched(SLIDING)
    told = [(at * 1000, float(at)) for at in (0, 5, 10, 15, 20, 25)]
    scored = 0
    for end in (10_000, 20_000, 30_000, 40_000, 50_000):
        mine = [part for part in told if end - 10_000 <= part[0] < end]
        scored += sum(c["scored"] for c in accounts(one.close(blobs(SLIDING, *mine), end).accounts).values())
    assert [(start, end, values["cpu"]) for start, end, values in one.frames] == [
        (-10_000, 10_000, 2.5), (0, 20_000, 7.5), (10_000, 30_000, 17.5), (20_000, 40_000, 22.5),
    ]  # fmt: skip
    assert scored == len(told)


def test_duplicates_are_accounted_for_where_they_are_found() -> None:
    closed = Watched(PIPELINE).close(blobs(PIPELINE, (0, 1.0), (0, 1.0), (1, 1.0)), 10_000)
    assert {name: n for name, n in accounts(closed.accounts)[0].items() if n} == {"scored": 2, "duplicate": 1}


def test_a_counter_seen_once_a_window_still_has_a_rate() -> None:
    one = Watched(PIPELINE)
    for end, value in ((10_000, 100.0), (20_000, 150.0), (30_000, 20.0)):
        one.close(blobs(PIPELINE, (end - 10_000, value), kind="counter"), end)
    assert [values for _, _, values in one.frames] == [{}, {"cpu": 5.0}, {"cpu": 2.0}]


def test_counters_that_have_gone_are_forgotten() -> None:
    pipeline = Pipeline.model_validate({"windows": {"forget": "60s"}})
    one, sizes = Watched(pipeline), []
    for number in range(20):
        at = number * 10_000
        one.close(blobs(pipeline, (at, 1.0), kind="counter", pod=f"p{number:02}"), at + 10_000)
        sizes.append(len(one.saved))
    assert sizes[10] == sizes[-1]


def test_a_window_without_panes_keeps_what_is_known_and_judges_absence_only() -> None:
    one = Watched(PIPELINE)
    one.close(blobs(PIPELINE, (0, 1.0), kind="counter"), 10_000)
    before = one.saved
    after = one.close([], 20_000)
    assert (one.saved, after.accounts) == (before, [])
    assert [(judged.subject, judged.scores[0].n) for judged in after.judged] == [("node/n1", 0)]
    assert len(one.frames) == 1


def test_a_bucket_that_has_forgotten_everything_tracks_nothing() -> None:
    one = Watched(Pipeline.model_validate({"windows": {"forget": "60s"}}))
    told = [one.close(blobs(PIPELINE, (0, 1.0), kind="counter"), 10_000)]
    told += [one.close([], 10_000 * number) for number in range(2, 9)]
    assert [closed.tracked for closed in told] == [1] * 6 + [0] * 2
    assert [len(closed.judged) for closed in told] == [0] + [1] * 6 + [0]


def test_memory_of_another_version_is_refused() -> None:
    one = Watched(PIPELINE)
    one.close(blobs(PIPELINE, (0, 1.0)), 10_000)
    known = msgspec.msgpack.decode(one.saved)
    with pytest.raises(ValueError, match="version 3, this program reads version 2"):
        one.bucket.unpack(msgspec.msgpack.encode({**known, "version": known["version"] + 1}))


def test_the_bytes_of_a_memory_are_fixed() -> None:
    """A savepoint of one release is read by the next: a change of this digest needs a word in the changelog."""
    one = Watched(SLIDING)
    for number in range(16):
        told = [(number * 10_000 + step * 1_250, float((number * 7 + step * 3) % 16)) for step in range(8)]
        one.close(
            blobs(SLIDING, *told) + blobs(SLIDING, *told, metric="requests", kind="counter"), number * 10_000 + 10_000
        )
    assert hashlib.sha256(one.saved).hexdigest() == "76e5d9f203ca669f644c2deec10bb523fd8a45a3e299ac6cb9b85f4f5312af35"


def test_what_comes_late_for_one_window_is_added_to_its_pane_in_the_next() -> None:
    one = Watched(SLIDING)
    one.close(blobs(SLIDING, (11_000, 4.0)), 20_000)
    one.close(blobs(SLIDING, (12_000, 8.0)), 30_000)
    assert [values["cpu"] for _, _, values in one.frames] == [4.0, 6.0]


def test_each_stream_has_its_bucket() -> None:
    kinds = [type(Bucket[Any](stream, PIPELINE, lambda table, *_: (table, [])).kind) for stream in ("model", "infra")]
    assert kinds == [ModelKind, TelemetryKind]
