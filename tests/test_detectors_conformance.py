"""What every registered detector promises, on every kind of input. A new kind is under test as soon as it exists."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from models.config import Pipeline
from models.detectors.registry import kinds, options_by_kind
from models.frame import Floats, Frame
from models.scorer import Scorer
from models.series import SeriesTable
from tests.core_cases import SIGNALS, Play, frames_of, only, with_forest
from tests.detector_probe import Witness

WINDOWS = 220
#: When a level moves for good; from `SETTLED` on it must be known.
MOVES = 100
EXPECTATION = Pipeline().expectation
SETTLED = MOVES + EXPECTATION.freeze_cap + EXPECTATION.history
#: A rule speaks for as long as it is broken: it has nothing to get used to.
STEADFAST = {"static"}
RULES = [{"signal": "node.cpu.utilization", "above": 20.0, "for": "30s"}, {"signal": "*", "below": -1e90, "for": "10s"}]
ARTIFACTS = with_forest()


def noise() -> Floats:
    return np.random.default_rng(7).normal(10, 1, (WINDOWS, len(SIGNALS)))


def moved() -> Floats:
    matrix = noise()
    matrix[MOVES:] += 30
    return matrix


def gaps() -> Floats:
    matrix = noise()
    matrix[np.random.default_rng(8).random(matrix.shape) < 0.4] = np.nan
    return matrix


def mixed_intervals() -> Floats:
    """Signal k comes every (k + 1)-th window, as metrics of different scrape intervals do."""
    matrix = noise()
    for column in range(1, len(SIGNALS)):
        matrix[np.arange(WINDOWS) % (column + 1) != 0, column] = np.nan
    return matrix


time = np.arange(WINDOWS)[:, None]
INPUTS: dict[str, Callable[[], Floats]] = {
    "noise": noise,
    "constant": lambda: np.full((WINDOWS, len(SIGNALS)), 0.1),
    "zero": lambda: np.zeros((WINDOWS, len(SIGNALS))),
    "all missing": lambda: np.full((WINDOWS, len(SIGNALS)), np.nan),
    "one sample": lambda: np.where(time == 5, 3.0, np.full((WINDOWS, len(SIGNALS)), np.nan)),
    "huge magnitudes": lambda: (noise() - 10) * 1e300,
    "huge ones among usual ones": lambda: np.where(time % 50 == 49, -1e300, noise()),
    "gaps": gaps,
    "a level that moves for good": moved,
    "a slow ramp": lambda: noise() + time * 0.05,
    "a season": lambda: noise() + 5 * np.sin(time * 2 * np.pi / 20),
    "counter resets": lambda: noise() + 3.0 * (time % 37),
    "mixed intervals": mixed_intervals,
}
#: Inputs that are quiet from the beginning: whoever is not told to be steadfast is nearly silent on them.
ALL = list(product(kinds(), INPUTS))


def play(kind: str) -> Play:
    return Play(only(kind, RULES), ARTIFACTS)


def witnessed(kind: str) -> tuple[Play, Witness]:
    one = play(kind)
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    return one, witness


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_detector_keeps_its_promises_window_by_window(kind: str, name: str) -> None:
    one, witness = witnessed(kind)
    for frame in frames_of(INPUTS[name]()):
        before = one.table.pack()
        table = one.table
        one.window(frame)
        assert table.pack() == before
    assert len(witness.seen) == WINDOWS


@pytest.mark.parametrize(("kind", "name"), [pair for pair in ALL if pair[0] not in STEADFAST])
def test_no_alarm_is_endless(kind: str, name: str) -> None:
    scores = np.array(play(kind).fused(frames_of(INPUTS[name]())))
    late = scores[SETTLED:]
    assert np.nanmean(np.append(late >= 1, False)) <= 0.05


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_memory_can_be_packed_and_a_program_started_anew_in_mid_stream(kind: str, name: str) -> None:
    frames = frames_of(INPUTS[name]())
    whole, first = play(kind), play(kind)
    told = [whole.window(frame) for frame in frames]
    split = [first.window(frame) for frame in frames[:57]]
    second = play(kind)
    second.table, second.end_ms = SeriesTable.unpack(first.table.pack()), first.end_ms
    split += [second.window(frame) for frame in frames[57:]]
    assert split == told
    assert second.table.pack() == whole.table.pack()


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_memory_does_not_grow_with_time(kind: str, name: str) -> None:
    one, sizes = play(kind), []
    for frame in frames_of(INPUTS[name]()):
        one.window(frame)
        sizes.append(len(one.table.pack()))
    assert sizes[60] == sizes[-1] < 5_000


@pytest.mark.parametrize("kind", kinds())
def test_a_subject_is_judged_as_if_it_were_alone(kind: str) -> None:
    inputs = {"node/a": noise(), "node/b": moved(), "node/c": gaps(), "pod/d": mixed_intervals()}
    together, alone = play(kind), {subject: play(kind) for subject in inputs}
    frames = {subject: frames_of(matrix, subject) for subject, matrix in inputs.items()}
    for at in range(120):
        mine = {subject: frames[subject][at] for subject in sorted(inputs)}
        told = {judged.subject: judged for judged in together.window(united(list(mine.values())))}
        apart = {judged.subject: judged for s, frame in mine.items() for judged in alone[s].window(frame)}
        assert told == apart


def united(frames: list[Frame]) -> Frame:
    return Frame(
        [s for f in frames for s in f.subjects],
        [s for f in frames for s in f.signals],
        *(np.concatenate([getattr(f, name) for f in frames]) for name in ("values", "counts", "errors")),
    )


@pytest.mark.parametrize("kind", kinds())
def test_a_detector_that_cannot_judge_says_why(kind: str) -> None:
    one = Play(only(kind))
    (judged,) = one.window(frames_of(noise()[:1])[0])
    assert judged.scores[0].status in ("warming_up", "abstained")
    assert judged.scores[0].reason


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_is_one_module_with_documented_options_and_defaults(kind: str) -> None:
    module, options = kinds()[kind], options_by_kind()[kind]
    assert (module.KIND, module.__name__) == (kind, f"models.detectors.{kind}")
    assert all(field.description for field in options.model_fields.values())
    options()


def test_the_shipped_configuration_runs_all_kinds_together() -> None:
    entries = [{"kind": kind} for kind in kinds()]
    pipeline = Pipeline.model_validate({"detectors": {"infra": entries}, "rules": RULES})
    scorer = Scorer.of("infra", pipeline, ARTIFACTS)
    assert len(scorer.detectors) == len(kinds()) >= 3
    assert len(scorer.layout) == len(
        {"seen_ms", *scorer.expectation.layout, *(n for d in scorer.detectors for n in d.layout)}
    )
