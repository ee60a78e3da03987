"""What every registered detector promises, on every kind of input. A new kind is under test as soon as it exists."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from models.artifact import Artifacts
from models.config import Expectation, Pipeline
from models.detectors.registry import kinds, options_by_kind
from models.frame import Floats, Frame
from models.scorer import Scorer
from models.series import SeriesTable
from tests.core_cases import Play, only
from tests.detector_cases import COLUMNS, NODE, SERVICE, rows_of, trained, window
from tests.detector_probe import Witness

WINDOWS = 90
#: When a level moves for good; from `SETTLED` on it must be known.
MOVES = 40
EXPECTATION = Expectation(history=12, warm_up=6, freeze_cap=8)
SETTLED = MOVES + EXPECTATION.freeze_cap + EXPECTATION.history
#: Share of later windows that may be strange.
MOST = 0.1
#: These never settle, so alarms come again; each must end, and most windows are calm. The huge ones leap between two
#: levels at random, of which a short memory now and then holds only one.
UNSETTLED, MOST_UNSETTLED = {"counter resets", "huge magnitudes", "larger than any number"}, 0.4
#: A rule speaks for as long as it is broken: it has nothing to get used to.
STEADFAST = {"static"}
#: Bytes of state that a series, and the names of the columns, may cost.
MOST_BYTES = 4_000
RULES = [{"signal": "node.cpu.utilization", "above": 20.0, "for": "30s"}, {"signal": "*", "below": -1e90, "for": "10s"}]
ARTIFACTS = {"untrained": Artifacts.empty(), "trained": trained()}


def noise() -> Floats:
    return np.random.default_rng(7).normal(10, 1, (WINDOWS, COLUMNS))


def gaps() -> Floats:
    matrix = noise()
    matrix[np.random.default_rng(8).random(matrix.shape) < 0.4] = np.nan
    return matrix


def mixed_intervals() -> Floats:
    """Signal k comes every (k + 1)-th window, as metrics of different scrape intervals do."""
    matrix = noise()
    for column in range(1, COLUMNS):
        matrix[np.arange(WINDOWS) % (column + 1) != 0, column] = np.nan
    return matrix


time = np.arange(WINDOWS)[:, None]
INPUTS: dict[str, Callable[[], Floats]] = {
    "noise": noise,
    "constant": lambda: np.full((WINDOWS, COLUMNS), 0.1),
    "zero": lambda: np.zeros((WINDOWS, COLUMNS)),
    "all missing": lambda: np.full((WINDOWS, COLUMNS), np.nan),
    "one sample": lambda: np.where(time == 5, 3.0, np.full((WINDOWS, COLUMNS), np.nan)),
    "huge magnitudes": lambda: (noise() - 10) * 1e98,
    "larger than any number": lambda: (noise() - 10) * 1e300,
    "huge ones among usual ones": lambda: np.where(time % 30 == 29, -1e300, noise()),
    "gaps": gaps,
    "an outage": lambda: np.where((time >= 45) & (time < 55), np.nan, noise()),
    "a level that moves for good": lambda: noise() + np.where(time >= MOVES, 30.0, 0.0),
    "a level that falls to nothing": lambda: np.where(time >= MOVES, 0.0, noise()),
    "a level that leaps to and fro": lambda: noise() + np.where(time % 2, 20.0, 0.0),
    "a slow ramp": lambda: noise() + time * 0.05,
    "a season": lambda: noise() + 5 * np.sin(time * 2 * np.pi / 8),
    "counter resets": lambda: noise() + 3.0 * (time % 23),
    "a rate that drops with each reset": lambda: np.where(time % 30 == 29, 0.0, noise()),
    "mixed intervals": mixed_intervals,
    "changing counts": noise,
}
ALL = list(product(kinds(), ARTIFACTS, INPUTS))


def frames(name: str, learned: str = "trained") -> list[Frame]:
    counts = 3 + 997 * (np.arange(WINDOWS) % 7 == 0) if name == "changing counts" else np.full(WINDOWS, 100)
    return [window(row, int(count), ARTIFACTS[learned]) for row, count in zip(INPUTS[name](), counts, strict=True)]


def play(kind: str, learned: str = "trained") -> Play:
    return Play(only(kind, RULES).model_copy(update={"expectation": EXPECTATION}), ARTIFACTS[learned])


@pytest.mark.parametrize(("kind", "learned", "name"), ALL)
def test_a_detector_keeps_its_promises(kind: str, learned: str, name: str) -> None:
    """Score before update, finite, repeatable; memory bounded and packable in mid-stream; no endless alarm."""
    one, first, given = play(kind, learned), play(kind, learned), frames(name, learned)
    witness = Witness(one.scorer.detectors[0])
    one.scorer = replace(one.scorer, detectors=[witness])
    told, sizes = [], []
    for frame in given:
        table, before = one.table, one.table.pack()
        told.append(one.window(frame))
        assert table.pack() == before, "judging changed the table that it was given"
        sizes.append(len(one.table.pack()))
    assert len(witness.seen) == WINDOWS
    assert sizes[WINDOWS // 2] == sizes[-1] <= MOST_BYTES * (1 + len(one.table.keys))
    split = [first.window(frame) for frame in given[:27]]
    second = play(kind, learned)
    second.table, second.end_ms = SeriesTable.unpack(first.table.pack()), first.end_ms
    split += [second.window(frame) for frame in given[27:]]
    assert split == told
    assert second.table.pack() == one.table.pack()
    most = MOST_UNSETTLED if name in UNSETTLED else MOST
    for subject in (NODE, SERVICE):
        late = [one.scores[0].score >= 1 for judged in told[SETTLED:] for one in judged if one.subject == subject]
        assert kind in STEADFAST or sum(late) <= most * len(late), subject
        assert kind in STEADFAST or longest(late) <= EXPECTATION.freeze_cap + EXPECTATION.history // 2, subject


def longest(strange: list[bool]) -> int:
    """Answer the length of the longest run of strange windows."""
    return max((len(run) for run in "".join(".#"[one] for one in strange).split(".")), default=0)


@pytest.mark.parametrize("kind", kinds())
def test_a_subject_is_judged_as_if_it_were_alone(kind: str) -> None:
    inputs = {"a": "noise", "b": "a level that moves for good", "c": "gaps", "d": "mixed intervals"}
    together, alone = play(kind), {name: play(kind) for name in inputs}
    told = {name: frames(case) for name, case in inputs.items()}
    for at in range(60):
        mine = {name: renamed(told[name][at], name) for name in inputs}
        joint = {judged.subject: judged for judged in together.window(united(list(mine.values())))}
        apart = {judged.subject: judged for name, frame in mine.items() for judged in alone[name].window(frame)}
        assert joint == apart


def renamed(frame: Frame, name: str) -> Frame:
    """Give the node's rows another name; the service's have a baseline of their own and stay out."""
    kept = rows_of(frame, NODE)
    return replace(kept, subjects=[f"node/{name}"] * len(kept.subjects))


def united(frames: list[Frame]) -> Frame:
    return Frame(
        [s for f in frames for s in f.subjects],
        [s for f in frames for s in f.signals],
        *(np.concatenate([getattr(f, name) for f in frames]) for name in ("values", "counts", "errors")),
    )


@pytest.mark.parametrize("kind", kinds())
def test_a_detector_that_cannot_judge_says_why(kind: str) -> None:
    told = Play(only(kind)).window(frames("noise", "untrained")[0])
    assert [judged.subject for judged in told] == [NODE, SERVICE]
    for judged in told:
        assert judged.scores[0].status in ("warming_up", "abstained")
        assert judged.scores[0].reason


@pytest.mark.parametrize("kind", sorted({"cusum", "ewma", "rates"} & set(kinds())))
def test_a_chart_judges_what_it_has_learned(kind: str) -> None:
    """No promise is kept by silence: a level that moves is an alarm within five windows."""
    one = play(kind, "untrained")
    told = [one.window(frame) for frame in frames("a level that moves for good", "untrained")[: MOVES + 5]]
    strange = {j.subject for judged in told[MOVES:] for j in judged if max(s.score for s in j.scores) >= 1}
    assert strange == ({SERVICE} if kind == "rates" else {NODE, SERVICE})


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_is_one_module_with_documented_options_and_defaults(kind: str) -> None:
    module, options = kinds()[kind], options_by_kind()[kind]
    assert (module.KIND, module.__name__) == (kind, f"models.detectors.{kind}")
    assert all(field.description for field in options.model_fields.values())
    options()


def test_the_shipped_configuration_runs_all_kinds_together() -> None:
    entries = [{"kind": kind} for kind in kinds()]
    pipeline = Pipeline.model_validate({"detectors": {"infra": entries}, "rules": RULES})
    scorer = Scorer.of("infra", pipeline, ARTIFACTS["trained"])
    assert len(scorer.detectors) == len(kinds()) >= 3
    assert len(scorer.layout) == len(
        {"seen_ms", *scorer.expectation.layout, *(n for d in scorer.detectors for n in d.layout)}
    )
