"""Drift against the frozen baseline: quiet at its stated rate, quick on real changes, never in alarm for ever."""

from collections.abc import Callable, Iterator
from itertools import count

import msgspec
import numpy as np
import pytest
from scipy import stats

from models.artifact import Artifacts
from models.config import Expectation, Limits, Pipeline
from models.detectors.base import Context, Marks, View
from models.detectors.drift import Options, build
from models.drift import BINS, DriftSeries, of_names, of_numbers
from models.drift_fit import drift_profiles
from models.drift_frame import with_drift
from models.drift_stats import compare_bins, compare_shares, false_discovery
from models.expectation import LocalExpectation
from models.features import model_frame
from models.frame import Floats, Frame
from models.model_blob import pack_model_outputs
from models.model_pane import fold_blobs, merge_panes
from models.records import ModelOutput
from models.series import SeriesTable
from tests.core_cases import T0

LIMITS = Limits()
CAP = 8
PIPELINE = Pipeline(expectation=Expectation(freeze_cap=CAP))
EXPECTATION = LocalExpectation(PIPELINE.expectation, {})
Change = Callable[[ModelOutput], ModelOutput]
Profiles = dict[str, dict[str, DriftSeries]]
ids = count()


def requests(rng: np.random.Generator, size: int = 60, level: float = 0.0) -> list[ModelOutput]:
    """Answers of one service: two numeric features, a flag, three classes, and a confidence."""
    names = rng.choice(["cat", "dog", "cow"], size, p=[0.6, 0.3, 0.1])
    ages, totals, flags = rng.lognormal(3 + level, 0.5, size), rng.gamma(2, 50, size), rng.random(size) < 0.3
    columns = zip(ages, totals, flags, names, rng.beta(8, 2, size), strict=True)
    return [
        ModelOutput(
            service="a", timestamp=0, request_id=f"r{next(ids)}", prediction=str(name), confidence=float(sure),
            features={"age": float(age), "sum": float(total), "flag": float(flag)},
        )
        for age, total, flag, name, sure in columns
    ]  # fmt: skip


def frame_of(records: list[ModelOutput]) -> Frame:
    blob = pack_model_outputs(records, [T0] * len(records), [0] * len(records))
    return model_frame(fold_blobs([blob], LIMITS)[0], 10_000, LIMITS)


def learned(seed: int, windows: int = 150, move: float = 0.0) -> Profiles:
    rng = np.random.default_rng(seed)
    return drift_profiles([frame_of(requests(rng, level=rng.normal(0, move))) for _ in range(windows)], 0.9, 64)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return learned(1)


class Watch:
    """The detector over windows, with nothing else around it."""

    def __init__(self, profiles: Profiles, pipeline: Pipeline = PIPELINE, **options: float) -> None:
        artifacts = Artifacts({}, {}, {}, (0, 0), "test", profiles)
        self.profiles, self.table = profiles, SeriesTable.empty()
        self.detector = build(Options(**options), Context(pipeline, "model", artifacts))
        self.frame = Frame([], [], np.zeros(0), np.zeros(0, np.int64), np.zeros(0))

    def marks(self, records: list[ModelOutput]) -> Marks:
        return self.judge(frame_of(records))

    def judge(self, frame: Frame) -> Marks:
        self.frame = with_drift(frame, self.profiles)
        layout = {**EXPECTATION.layout, **self.detector.layout}
        self.table, rows = self.table.with_rows(self.frame.keys, layout)
        memory = {name: column[rows] for name, column in self.table.columns.items()}
        view = View(self.frame, EXPECTATION.expect(self.frame, memory), memory)
        marks = self.detector.score(view)
        self.table = self.table.learned(rows, self.detector.update(view, marks))
        return marks

    def window(self, records: list[ModelOutput]) -> dict[str, float]:
        """Signal -> score, of what is judged."""
        marks = self.marks(records)
        rows = zip(marks.rows.tolist(), marks.scores.tolist(), marks.reasons, strict=True)
        return {self.frame.signals[row]: score for row, score, reason in rows if not reason}

    def quiet(self, seed: int, windows: int) -> Iterator[dict[str, float]]:
        rng = np.random.default_rng(seed)
        return (self.window(requests(rng)) for _ in range(windows))


def changed(**features: Callable[[dict[str, float]], float | None]) -> Change:
    def change(record: ModelOutput) -> ModelOutput:
        before = {name: float(value) for name, value in (record.features or {}).items() if value is not None}
        after = {name: make(before) for name, make in features.items()}
        return msgspec.structs.replace(record, features={**before, **after})

    return change


def told(**fields: object) -> Change:
    return lambda record: msgspec.structs.replace(record, **fields)


def sometimes(change: Change, every: int) -> Change:
    turn = count()
    return lambda record: record if next(turn) % every else change(record)


FAULTS: dict[str, tuple[Change, str]] = {
    "ten times the scale": (changed(age=lambda f: 10 * f["age"]), "feature.age.psi"),
    "swapped columns": (changed(age=lambda f: f["sum"], sum=lambda f: f["age"]), "feature.sum.psi"),
    "a stale constant": (changed(age=lambda f: 20.0), "feature.age.psi"),
    "a value that a flag never had": (changed(flag=lambda f: 2.0), "feature.flag.psi"),
    "a third missing": (sometimes(changed(age=lambda f: None), 3), "feature.age.missing_rate"),
    "all missing": (changed(age=lambda f: None), "feature.age.missing_rate"),
    "no features at all": (told(features=None), "inputs.absent_share"),
    "a class never seen": (sometimes(told(prediction="yak"), 4), "class.unseen_share"),
    "one class only": (told(prediction="cow"), "class.psi"),
    "sure of nothing": (told(confidence=0.4), "confidence.psi"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_within_three_windows_and_over_soon_after(name: str, profiles: Profiles) -> None:
    watch, rng, (change, signal) = Watch(profiles), np.random.default_rng(5), FAULTS[name]
    assert all(max(scores.values()) < 1 for scores in watch.quiet(4, 20))
    during = [watch.window([change(r) for r in requests(rng)]).get(signal, 0.0) for _ in range(5)]
    assert max(during[:3]) >= 1
    assert min(during[3:]) >= 1
    after = [watch.window(requests(rng)) for _ in range(10)]
    assert max(after[0].values()) < 1
    assert all(max(scores.values()) < 0.7 for scores in after[1:])


@pytest.mark.parametrize("options", [{}, {"alpha": 0.01, "floor": 1e-9, "share_floor": 1e-9}])
def test_false_signals_are_no_more_frequent_than_stated_with_or_without_an_effect_floor(
    options: dict[str, float], profiles: Profiles
) -> None:
    windows, alpha = 600, options.get("alpha", Options().alpha)
    strange = [max(scores.values()) >= 1 for scores in Watch(profiles, PIPELINE, **options).quiet(3, windows)]
    assert sum(strange) <= stats.binom.ppf(0.999, windows, alpha)


def test_numeric_predictions_that_move_are_found() -> None:
    rng = np.random.default_rng(19)

    def priced(level: float) -> list[ModelOutput]:
        records = requests(rng)
        prices = rng.normal(level, 10.0, len(records)).tolist()
        return [msgspec.structs.replace(r, prediction=price) for r, price in zip(records, prices, strict=True)]

    watch = Watch(drift_profiles([frame_of(priced(100.0)) for _ in range(60)], 0.9, 64))
    assert max(watch.window(priced(100.0))["prediction.psi"] for _ in range(30)) < 1
    assert max(watch.window(priced(115.0))["prediction.psi"] for _ in range(3)) >= 1


def test_a_record_in_two_windows_is_one_record(profiles: Profiles) -> None:
    windows, alpha, rng = 400, 0.01, np.random.default_rng(18)
    sliding = Pipeline.model_validate({"windows": {"pane": "5s", "size": "10s", "slide": "5s"}})
    watch, parts = Watch(profiles, sliding, alpha=alpha, floor=1e-9, share_floor=1e-9), [requests(rng, 30)]
    strange = 0
    for _ in range(windows):
        parts = [parts[-1], requests(rng, 30)]
        strange += max(watch.window(parts[0] + parts[1]).values(), default=0.0) >= 1
    assert strange <= stats.binom.ppf(0.999, windows, alpha)


def test_few_records_abstain_and_small_windows_add_up(profiles: Profiles) -> None:
    watch, rng = Watch(profiles), np.random.default_rng(6)
    assert set(watch.marks(requests(rng, 20)).reasons) == {"too_few_records"}
    for _ in range(15):
        marks = watch.marks(requests(rng, 12))
    assert set(marks.reasons) == {""}
    scale = FAULTS["ten times the scale"][0]
    found = [watch.window([scale(r) for r in requests(rng, 12)])["feature.age.psi"] for _ in range(6)]
    assert max(found) >= 1


def test_lasting_drift_becomes_a_second_normal_beside_the_first(profiles: Profiles) -> None:
    watch, rng = Watch(profiles), np.random.default_rng(7)
    scale = FAULTS["ten times the scale"][0]
    during = [watch.window([scale(r) for r in requests(rng)])["feature.age.psi"] for _ in range(60)]
    assert CAP <= sum(score >= 1 for score in during) <= CAP + 2
    assert max(during[CAP + 2 :]) < 1
    assert all(scores["feature.age.psi"] < 1 for scores in watch.quiet(8, 30))
    other = changed(age=lambda f: f["age"] / 10)
    assert max(watch.window([other(r) for r in requests(rng)])["feature.age.psi"] for _ in range(3)) >= 1


def test_a_service_that_moves_by_itself_is_given_room() -> None:
    steady, restless = learned(1)["service/a"], learned(9, 300, move=0.15)["service/a"]
    assert steady["feature.age.psi"].overdispersion < 2 < restless["feature.age.psi"].overdispersion
    watch, rng = Watch({"service/a": restless}, floor=1e-9), np.random.default_rng(10)
    told = [watch.window(requests(rng, level=rng.normal(0, 0.15)))["feature.age.psi"] for _ in range(200)]
    assert sum(score >= 1 for score in told) <= 4


def test_the_order_of_records_and_blobs_does_not_matter(profiles: Profiles) -> None:
    records, rng = requests(np.random.default_rng(11), 90), np.random.default_rng(12)
    first = Watch(profiles).marks(records)
    mixed = [records[place] for place in rng.permutation(len(records))]
    blobs = [pack_model_outputs(part, [T0] * len(part), [0] * len(part)) for part in (mixed[:40], mixed[40:])]
    again = Watch(profiles).judge(model_frame(fold_blobs(blobs, LIMITS)[0], 10_000, LIMITS))
    assert (first.scores.tobytes(), first.p_values.tobytes()) == (again.scores.tobytes(), again.p_values.tobytes())


def test_memory_survives_packing_in_mid_stream(profiles: Profiles) -> None:
    rng = np.random.default_rng(13)
    windows = [requests(rng, level=0.1 * n) for n in range(30)]
    whole, first, second = Watch(profiles), Watch(profiles), Watch(profiles)
    expected = [whole.window(records) for records in windows]
    found = [first.window(records) for records in windows[:17]]
    second.table = SeriesTable.unpack(first.table.pack())
    assert found + [second.window(records) for records in windows[17:]] == expected
    assert second.table.pack() == whole.table.pack()


def test_a_service_has_a_baseline_of_what_it_carries_and_of_nothing_else() -> None:
    bare = [ModelOutput(service="b", timestamp=0, request_id=f"b{n}") for n in range(300)]
    priced = [msgspec.structs.replace(r, service="c", prediction=float(n)) for n, r in enumerate(bare)]
    found = drift_profiles(
        [frame_of([*bare[at : at + 60], *priced[at : at + 60]]) for at in range(0, 300, 60)], 0.9, 64
    )
    assert {subject: list(profile) for subject, profile in found.items()} == {"service/c": ["prediction.psi"]}
    assert drift_profiles([], 0.9, 64) == {}


def test_without_a_baseline_there_are_no_drift_signals_and_nothing_is_judged() -> None:
    watch = Watch({})
    assert watch.window(requests(np.random.default_rng(14))) == {}
    assert not any(signal.endswith(".psi") for signal in watch.frame.signals)


def test_numeric_predictions_of_merged_panes_are_a_bounded_sample_in_any_order() -> None:
    told = [
        msgspec.structs.replace(r, prediction=float(n)) for n, r in enumerate(requests(np.random.default_rng(15), 200))
    ]
    parts = [told[:90], told[90:]]
    panes = [fold_blobs([pack_model_outputs(p, [T0] * len(p), [0] * len(p))], LIMITS)[0] for p in parts]
    one, other = merge_panes(panes, LIMITS), merge_panes(panes[::-1], LIMITS)
    assert len(one.numbers) == LIMITS.sample
    assert one.numbers.tolist() == other.numbers.tolist() == fold_blobs(
        [pack_model_outputs(told, [T0] * 200, [0] * 200)], LIMITS)[0].numbers.tolist()  # fmt: skip


# --- bins and statistics


def test_bins_hold_every_number_once_and_few_values_have_a_bin_each() -> None:
    values = np.random.default_rng(16).normal(size=1000)
    series = of_numbers(values, np.ones(1000))
    assert (series.kind, len(series.counts), set(series.counts)) == ("ranges", BINS, {100.0})
    assert series.of_numbers(values).tolist() == list(series.counts)
    assert series.of_numbers(np.array([-1e100, 1e100])).tolist() == [1, *[0] * 8, 1]
    flag = of_numbers(np.array([0.0, 1.0]), np.array([7.0, 3.0]))
    assert flag.of_numbers(np.array([1.0, 0.5, 0.0, 9.0, -1.0]))[:3].tolist() == [1, 1, 3]
    mostly_zero = of_numbers(np.where(values < 1, 0.0, values), np.ones(1000))
    assert mostly_zero.of_numbers(np.zeros(5))[0] == 5
    many = of_names({f"c{n:02}": n + 1 for n in range(20)})
    assert (many.names[0], many.of_names({"c19": 4, "c00": 1, "yak": 2})[[0, 9]].tolist()) == ("c19", [4, 3])


@pytest.mark.parametrize(
    "broken",
    [
        {"counts": (1.0,)},
        {"counts": (0.0, 0.0)},
        {"counts": (1.0, -1.0)},
        {"counts": (1.0, float("nan"))},
        {"counts": (1.0, 1.0), "overdispersion": 0.5},
        {"counts": (1.0, 1.0, 1.0), "edges": (2.0, 1.0)},
    ],
)
def test_a_broken_baseline_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="drift baseline"):
        DriftSeries(**{"kind": "ranges", "edges": (1.0,), **broken})  # type: ignore[arg-type]


def test_probabilities_agree_with_those_of_scipy() -> None:
    rng, ones = np.random.default_rng(17), np.ones(1)
    reference, recent = rng.multinomial(900, [0.1] * 10)[None].astype(float), np.zeros((1, 10))
    recent[0, :4] = (30, 25, 30, 25)
    names = compare_bins(reference, recent, recent, np.array([False]), ones).p_values[0]
    by_table = stats.chi2_contingency(np.concatenate([reference, recent]), correction=False).pvalue
    assert names <= 2 * by_table
    part = np.zeros((1, BINS))
    part[0, :2] = (9, 51)
    frozen = part * np.array([3, 6, *[0] * 8])
    before = (frozen[0, 0] + 1) / (frozen.sum() + 2)
    assert compare_shares(frozen, part, part, ones).p_values[0] == pytest.approx(stats.binom.sf(8, 60, before))


def test_ordered_bins_see_a_small_shift_that_is_lost_among_many_bins() -> None:
    reference, recent = np.full((1, 10), 500.0), np.linspace(24, 36, 10)[None]
    by_steps, by_names = (
        compare_bins(reference, recent, recent, np.array([ordered]), np.ones(1)).p_values[0]
        for ordered in (True, False)
    )
    assert by_steps < by_names


def test_many_looks_are_paid_for_within_each_service() -> None:
    p_values: Floats = np.array([0.01, 0.04, 0.03, 0.5, 0.02])
    groups = np.array([0, 1, 0, 0, 1])
    expected = np.empty(5)
    for group in (0, 1):
        expected[groups == group] = stats.false_discovery_control(p_values[groups == group])
    assert false_discovery(p_values, groups) == pytest.approx(expected)
