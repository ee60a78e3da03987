"""What every registered detector promises, on every kind of input. A new kind is under test as soon as it exists."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from models.config import Expectation, Pipeline
from models.detectors.registry import kinds, options_by_kind
from models.frame import Floats, Frame
from models.scorer import Scorer
from models.series import SeriesTable
from tests.core_cases import SIGNALS, Play, frames_of, only, with_forest
from tests.detector_probe import Witness

WINDOWS = 90
#: When a level moves for good; from `SETTLED` on it must be known.
MOVES = 40
EXPECTATION = Expectation(history=12, warm_up=6, freeze_cap=8)
SETTLED = MOVES + EXPECTATION.freeze_cap + EXPECTATION.history
#: Share of later windows that may be strange: a counter falls to zero twice among them.
MOST = 0.1
#: A rule speaks for as long as it is broken: it has nothing to get used to.
STEADFAST = {"static"}
#: Cut to the largest number, these leap between two levels; a leap back ends the freeze, so the other stays unknown.
RESTLESS = {"larger than any number"}
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
    "huge magnitudes": lambda: (noise() - 10) * 1e98,
    "larger than any number": lambda: (noise() - 10) * 1e300,
    "huge ones among usual ones": lambda: np.where(time % 30 == 29, -1e300, noise()),
    "gaps": gaps,
    "a level that moves for good": moved,
    "a slow ramp": lambda: noise() + time * 0.05,
    "a season": lambda: noise() + 5 * np.sin(time * 2 * np.pi / 8),
    "counter resets": lambda: noise() + 3.0 * (time % 23),
    "mixed intervals": mixed_intervals,
}
ALL = list(product(kinds(), INPUTS))


def play(kind: str) -> Play:
    return Play(only(kind, RULES).model_copy(update={"expectation": EXPECTATION}), ARTIFACTS)


def witnessed(kind: str) -> tuple[Play, Witness]:
    one = play(kind)
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    return one, witness


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_detector_keeps_its_promises(kind: str, name: str) -> None:
    """Score before update, finite, repeatable; memory bounded and packable in mid-stream; no endless alarm."""
    frames, (one, witness), first = frames_of(INPUTS[name]()), witnessed(kind), play(kind)
    told, sizes = [], []
    for frame in frames:
        table, before = one.table, one.table.pack()
        told.append(one.window(frame))
        assert table.pack() == before, "judging changed the table that it was given"
        sizes.append(len(one.table.pack()))
    assert len(witness.seen) == WINDOWS
    assert sizes[WINDOWS // 2] == sizes[-1] < 5_000
    split = [first.window(frame) for frame in frames[:27]]
    second = play(kind)
    second.table, second.end_ms = SeriesTable.unpack(first.table.pack()), first.end_ms
    split += [second.window(frame) for frame in frames[27:]]
    assert split == told
    assert second.table.pack() == one.table.pack()
    late = [judged[0].scores[0].score >= 1 for judged in told[SETTLED:] if judged]
    assert kind in STEADFAST or name in RESTLESS or sum(late) <= MOST * len(late)


@pytest.mark.parametrize("kind", kinds())
def test_a_subject_is_judged_as_if_it_were_alone(kind: str) -> None:
    inputs = {"node/a": noise(), "node/b": moved(), "node/c": gaps(), "pod/d": mixed_intervals()}
    together, alone = play(kind), {subject: play(kind) for subject in inputs}
    frames = {subject: frames_of(matrix, subject) for subject, matrix in inputs.items()}
    for at in range(60):
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
