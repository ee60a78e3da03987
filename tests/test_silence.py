"""Silence: each subject has its own usual gap; what does not come is judged, and never for ever."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyflink.common import Row

from models.artifact import Artifacts
from models.bucket import Bucket
from models.bucket_clock import FINAL, Clock
from models.config import Pipeline
from models.packets import Packet
from models.scorer import Scorer
from models.scores import Judged, Score, Stream
from models.silence import Silence, Usual
from tests.core_cases import PIPELINE, T0, arrival, output, read, sample
from tests.harness import Harness
from udfs.packets import from_row, to_row
from udfs.score import ScoreWindows

SIZE = PIPELINE.windows.size
SHORT = Pipeline.model_validate({"windows": {"forget": "200s"}})


def listen(heard: Iterable[int], pipeline: Pipeline = PIPELINE, stream: Stream = "infra") -> list[Judged | None]:
    """The verdicts on one subject by its records in each window (True: 20); None: it was heard, or is not known."""
    silence, known, told = Silence(stream, pipeline), dict[str, Usual](), list[Judged | None]()
    for index, count in enumerate(heard):
        end = T0 + (index + 1) * SIZE
        present = {"node/n1": 20 if count is True else int(count)} if count else {}
        known = silence.listen(known, present, {"node/n1": ["checkout"]}, end)
        told += silence.judge(known, end - SIZE, end) or [None]
        known = silence.remembered(known, end)
    return told


def fused(judged: Judged | None) -> Score:
    assert judged is not None
    return judged.scores[0]


def silent(told: list[Judged | None]) -> list[bool]:
    return [one is not None and one.scores[0].score >= 1 for one in told]


def test_a_sender_of_every_window_is_silent_when_it_misses_two() -> None:
    told = listen([True] * 40 + [False] * 5)
    assert silent(told) == [False] * 41 + [True] * 4
    assert 0.5 < fused(told[40]).score < 0.7, "one missed window is no reason to speak, nor to break the calm"


def test_a_sender_of_every_fifth_window_is_silent_only_when_it_misses_two_sendings() -> None:
    told = listen([index % 5 == 0 for index in range(40 * 5)] + [True] + [False] * 14)
    assert not any(silent(told[:-5]))
    assert silent(told[-6:]) == [False, True, True, True, True, True]


def test_a_silent_subject_has_a_line_that_says_what_is_usual_and_a_verdict_that_repeats_it() -> None:
    judged = listen([True] * 40 + [False] * 2)[-1]
    assert judged is not None
    verdict, line = judged.scores
    assert (judged.subject, judged.services, judged.stream) == ("node/n1", ["checkout"], "infra")
    assert (line.detector, line.signal, line.observed, line.expected) == ("silence", "telemetry.rate", 0.0, 2.0)
    assert (line.direction, line.status, line.n, line.entity) == ("down", "ok", 0, "node/n1")
    assert (verdict.detector, verdict.score, verdict.p_value, verdict.n) == ("fused", line.score, line.p_value, 0)
    assert [(part.signal, part.share) for part in verdict.contributions] == [("telemetry.rate", 1.0)]
    traffic = listen([True] * 40 + [False] * 2, stream="model")[-1]
    assert traffic is not None and traffic.scores[1].signal == "rate"


def test_a_subject_without_known_habits_is_not_judged_and_says_so() -> None:
    for known in (1, 5, 12):
        assert {(fused(one).status, fused(one).reason) for one in listen([True] * known + [False] * 9)[known:]} == {
            ("warming_up", "warming_up")
        }
    assert fused(listen([True] * 13 + [False])[-1]).status == "ok"


def test_who_has_gone_is_forgotten_and_that_is_the_last_word() -> None:
    told = listen([True] * 40 + [False] * 30, SHORT)
    last = next(place for place, one in enumerate(told) if one and fused(one).reason == "forgotten")
    assert last == 40 + 20 - 1
    assert (fused(told[last]).status, fused(told[last]).score) == ("abstained", 0)
    assert told[last + 1 :] == [None] * 10


def test_an_outage_is_not_learned_so_that_the_next_is_seen_as_soon() -> None:
    told = silent(listen([True] * 40 + [False] * 6 + [True] * 20 + [False] * 3))
    assert told[-3:] == [False, True, True]


def test_a_new_habit_is_learned_after_a_few_alarms() -> None:
    told = silent(listen([True] * 40 + [index % 5 == 4 for index in range(150)]))
    assert any(told[40:60])
    assert not any(told[90:])


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_traffic_that_comes_at_random_is_hardly_ever_silent(share: float) -> None:
    told = [silent(listen(np.random.default_rng(seed).random(2000) < share)) for seed in range(10)]
    assert np.mean(told) < 1 / 2000


def test_a_night_of_low_traffic_is_no_silence_and_its_end_is_one() -> None:
    traffic = [50.0] * 100 + np.linspace(50, 2, 10).tolist() + [2.0] * 100
    told = [silent(listen(np.random.default_rng(seed).poisson(traffic))) for seed in range(10)]
    assert np.mean(told) < 1 / 2000
    assert silent(listen([50] * 100 + [3] + [0] * 3))[-2:] == [True, True], "the last window may be cut short"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), max_size=60))
def test_whatever_the_pattern_scores_are_finite_and_absence_alone_is_judged(heard: list[bool]) -> None:
    told = listen(heard)
    first = heard.index(True) if True in heard else len(heard)
    assert [one is not None for one in told] == [place > first and not here for place, here in enumerate(heard)]
    for one in filter(None, told):
        assert all(0 <= line.p_value <= 1 and 0 <= line.score < 1e3 for line in one.scores)


@pytest.mark.parametrize(
    ("clock", "watermark", "due"),
    [
        (Clock(), FINAL, None),
        (Clock((T0,)), T0 - 2, None),
        (Clock((T0,)), T0 - 1, T0),
        (Clock((T0 + 50,), T0), T0 + 9, T0 + 10),
        (Clock((T0 + 50,), T0), FINAL, T0 + 10),
        (Clock((), T0), T0 + 9, T0 + 10),
        (Clock((), T0), FINAL, None),
        (Clock((T0 + 50,), None), FINAL, T0 + 50),
    ],
)
def test_windows_without_records_end_by_a_real_watermark_or_before_later_records(
    clock: Clock, watermark: int, due: int | None
) -> None:
    assert clock.due(10, watermark) == due


def test_a_bucket_that_remembers_nothing_waits_for_records_only() -> None:
    clock = Clock().expecting([T0 + 10, T0 + 20]).expecting([T0 + 20])
    assert clock == Clock((T0 + 10, T0 + 20))
    assert clock.closed(T0 + 10, watching=False).upcoming(5) == T0 + 20
    assert clock.closed(T0 + 10, watching=True).upcoming(5) == T0 + 15


STREAMS: list[Stream] = ["model", "infra"]


def rows(stream: Stream, name: str, windows: Iterable[int]) -> list[Row]:
    """Panes with one record of a subject in each of these windows."""
    times = [T0 + index * SIZE + 100 for index in windows]
    if stream == "model":
        told = [arrival(output(service=name, timestamp=at, request_id=f"r{at}"), at) for at in times]
        packets = read("model-outputs", told, ONE)
    else:
        packets = read("telemetry", [arrival(sample(node=name, timestamp=at), at) for at in times], ONE)
    return [to_row(packet) for packet in packets if packet.topic == "pane"]


#: All in one bucket, so that one harness key sees both subjects.
ONE = Pipeline.model_validate({"windows": {"buckets": 1, "forget": "200s"}, "expectation": {"history": 30}})


def scores(outputs: Iterable[Row]) -> list[tuple[str, str, float]]:
    """(subject, end of the window, fused score) of what was not heard."""
    packets: list[Packet] = [from_row(row) for row in outputs]
    lines = [json.loads(packet.value) for packet in packets if packet.topic.endswith("-scores")]
    return [(line["entity"], line["window"]["end"], line["score"])
            for line in lines if line["detector"] == "fused" and line["n"] == 0]  # fmt: skip


def play(stream: Stream, watermarks: Iterable[int]) -> Harness:
    """Forty windows of a subject, then nothing; the watermarks are in windows from the first."""
    harness = Harness(ScoreWindows(stream, ONE, Artifacts.empty()))
    for row in rows(stream, "a", range(40)):
        harness.process(row)
    for at in watermarks:
        harness.advance_watermark(T0 + at * SIZE - 1)
    return harness


@pytest.mark.parametrize("stream", STREAMS)
def test_windows_go_on_while_anything_is_remembered_and_then_state_and_timers_are_gone(stream: Stream) -> None:
    harness = play(stream, [45])
    assert len(scores(harness.outputs)) == 5
    assert [at for at, _ in harness.timers] == [T0 + 46 * SIZE - 1]
    harness.advance_watermark(T0 + 100 * SIZE)
    assert len(scores(harness.outputs)) == 20
    assert harness.timers == []
    assert [name for name, _ in harness._store.state if name.startswith("memory")] == []


@pytest.mark.parametrize("stream", STREAMS)
def test_the_end_of_a_replay_is_not_silence(stream: Stream) -> None:
    harness = play(stream, [40])
    harness.advance_watermark(FINAL)
    assert scores(harness.outputs) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_the_steps_of_the_watermark_change_nothing(stream: Stream) -> None:
    by_steps, at_once = play(stream, range(1, 51)), play(stream, [50])
    for harness in (by_steps, at_once):
        harness.advance_watermark(FINAL)
    assert sorted(map(tuple, by_steps.outputs)) == sorted(map(tuple, at_once.outputs))
    assert len(scores(at_once.outputs)) == 10


@pytest.mark.parametrize("stream", STREAMS)
def test_a_subject_that_is_silent_beside_a_lively_one_is_judged_alone(stream: Stream) -> None:
    harness = Harness(ScoreWindows(stream, ONE, Artifacts.empty()))
    for row in [*rows(stream, "a", range(40)), *rows(stream, "b", range(44))]:
        harness.process(row)
    harness.advance_watermark(FINAL)
    kind = "service" if stream == "model" else "node"
    told = scores(harness.outputs)
    assert {entity for entity, _, _ in told} == {f"{kind}/a"}
    assert [score >= 1 for _, _, score in told] == [False, True, True, True]


def test_an_empty_window_leaves_series_as_they_are() -> None:
    bucket = Bucket[Any]("infra", ONE, Scorer.of("infra", ONE, Artifacts.empty()).judge)
    panes = [(row[2], row[3]) for row in rows("infra", "a", range(1))]
    first = bucket.close(None, panes, T0 + SIZE)
    second = bucket.close(first.memory, [], T0 + 2 * SIZE)
    assert first.memory.table is second.memory.table
    assert second.memory.panes == []
    assert (first.tracked, second.tracked, second.warming) == (1, 1, 1)
