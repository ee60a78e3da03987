"""Streaming PCA as a detector: what it finds, when it is silent, and that it says why."""

from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest

from models.artifact import Artifacts
from models.detectors.base import Marks
from models.frame import Floats, Frame
from models.series import SeriesTable
from tests.core_cases import Play, frame_of, frames_of, only
from tests.detector_probe import Witness

QUIET = 80
SIGNALS = ("x.a", "x.b", "x.c", "x.d")


def twins(seed: int, windows: int) -> Floats:
    """Two signals correlated .95 and two of their own, level 50 and deviation 5 (above the floor of trust)."""
    draw = np.random.default_rng(seed)
    pair = np.sqrt(0.95) * draw.normal(size=(windows, 1)) + np.sqrt(0.05) * draw.normal(size=(windows, 2))
    return np.asarray(50 + 5 * np.hstack([pair, draw.normal(size=(windows, 2))]))


def watched(kind: str = "pca", **options: Any) -> tuple[Play, Witness]:
    one = Play(only(kind, **options))
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    return one, witness


def run(matrix: Floats, kind: str = "pca", **options: Any) -> list[Marks]:
    one, witness = watched(kind, **options)
    for frame in frames_of(matrix, signals=SIGNALS):
        one.window(frame)
    return witness.seen


def broken(seed: int) -> Floats:
    """Quiet windows, then three in which the twins stand two deviations apart from their level, on opposite sides."""
    matrix = twins(seed, QUIET + 3)
    matrix[QUIET:, :2] = [60.0, 40.0]
    return matrix


@pytest.mark.parametrize("seed", range(5))
def test_a_broken_relation_is_found_that_no_chart_of_one_signal_sees(seed: int) -> None:
    told = run(broken(seed))[QUIET]
    assert told.scores[0] >= 1
    assert {part.signal for part in told.contributions[0][:2]} == {"x.a", "x.b"}
    assert sum(part.share for part in told.contributions[0]) == pytest.approx(1)
    assert (run(broken(seed), "ewma")[QUIET].scores < 1).all()


def test_related_noise_is_quiet() -> None:
    scores = [marks.scores[0] for seed in range(4) for marks in run(twins(seed, 200))]
    assert sum(score >= 1 for score in scores) <= 4  # 0.6 expected at alpha .001


def test_it_abstains_with_a_reason_until_it_knows_enough() -> None:
    reasons = [marks.reasons[0] for marks in run(twins(1, 60))]
    assert set(reasons[:30]) == {"warming_up"}
    assert reasons[-1] == ""
    assert {marks.reasons[0] for marks in run(np.hstack([twins(1, 60)[:, :2], np.full((60, 2), np.nan)]))} == {
        "too_few_signals"
    }


@pytest.mark.parametrize("value", [0.0, 7.0, 1e300])
def test_constant_signals_are_no_alarm(value: float) -> None:
    told = run(np.full((QUIET, 4), value))
    assert told[-1].reasons == [""]
    assert all(marks.scores[0] < 0.5 for marks in told)


def test_a_level_that_moves_for_good_is_no_alarm_after_the_cap() -> None:
    matrix = twins(2, 260)
    matrix[QUIET:] += [40, -40, 40, 40]
    scores = np.array([marks.scores[0] for marks in run(matrix)])
    assert (scores[QUIET : QUIET + 3] >= 1).all()
    assert not (scores[QUIET + 60 :] >= 1).any()


def test_a_frame_without_rows_and_a_single_sample_are_no_trouble() -> None:
    one, witness = watched()
    one.window(frame_of({}))
    one.window(frame_of({("node/n1", "x.a"): 1.0}))
    assert [marks.reasons for marks in witness.seen] == [[], ["too_few_signals"]]


def test_the_order_of_the_subjects_does_not_matter() -> None:
    inputs = {f"node/n{k}": frames_of(broken(k), f"node/n{k}", SIGNALS) for k in range(3)}
    one, other = watched(), watched()
    for window in range(QUIET + 1):
        frames = [frames[window] for frames in inputs.values()]
        one[0].window(joined(frames))
        other[0].window(joined(frames[::-1]))
    (a, b) = (one[1].seen[-1], other[1].seen[-1])
    assert a.scores.tolist() == b.scores.tolist()
    assert a.contributions == b.contributions
    assert (a.scores >= 1).all()
    assert b.rows.tolist() == [8, 4, 0]


def joined(frames: list[Frame]) -> Frame:
    names = [list(chain.from_iterable(getattr(f, name) for f in frames)) for name in ("subjects", "signals")]
    arrays = [np.concatenate([getattr(f, name) for f in frames]) for name in ("values", "counts", "errors")]
    return Frame(names[0], names[1], arrays[0], arrays[1], arrays[2])


def test_memory_that_is_packed_in_mid_stream_goes_on_as_if_it_had_not_been() -> None:
    frames, whole, first = frames_of(broken(3), signals=SIGNALS), Play(only("pca")), Play(only("pca"))
    told = [whole.window(frame) for frame in frames]
    split = [first.window(frame) for frame in frames[:47]]
    second = Play(only("pca"))
    second.table, second.end_ms = SeriesTable.unpack(first.table.pack()), first.end_ms
    assert split + [second.window(frame) for frame in frames[47:]] == told


def test_what_changed_the_basis_can_be_read() -> None:
    one = Play(only("pca"), Artifacts.empty())
    for frame in frames_of(twins(4, QUIET), signals=SIGNALS):
        one.window(frame)
    detector: Any = one.scorer.detectors[0]
    note = detector.notes(one.table)["node/n1"]
    assert {signal for signal, _ in note.turned} == set(SIGNALS)
    assert 0 < note.shared.angle < 90
    assert (note.shared.joined, note.shared.clock) == (0.0, QUIET - 12.0)
