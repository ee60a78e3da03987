"""The mathematics of streaming PCA against plain numpy, and its false alarms and finds on noise of known relations."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, chi2, t

from models.columns import Array
from models.frame import Floats
from models.series import SeriesTable
from models.streaming_pca import FLOOR, decomposed, largest_angle, learned, read, turned
from models.streaming_pca_limits import box_p_value, combined, tail_p_value
from models.streaming_pca_model import BOUND, StreamingPca
from models.streaming_pca_state import Keeper

ALPHA = 0.01
MODEL = StreamingPca(share=0.9, memory=200, every=10, cap=60)


def related(seed: int, windows: int, signals: int, sources: int = 2) -> Floats:
    """Noise [windows, signals] of unit variance, driven by a few common sources."""
    draw = np.random.default_rng(seed)
    loads = draw.normal(size=(sources, signals))
    raw = draw.normal(size=(windows, sources)) @ loads + 0.5 * draw.normal(size=(windows, signals))
    return np.asarray(raw / np.sqrt((loads**2).sum(axis=0) + 0.25))


class Subject:
    """One subject through a table of series; NaN is absent."""

    def __init__(self, model: StreamingPca = MODEL, slots: int = 32) -> None:
        self.model, self.keeper, self.table = model, Keeper(slots, model.memory), SeriesTable.empty()

    def window(self, z: Floats) -> float | None:
        """Answer the p-value of a window [signals], None while warming up, and learn the window."""
        present = np.flatnonzero(~np.isnan(z))
        self.table, rows = self.table.with_rows([f"node/n1 s{k:02}" for k in present], self.keeper.layout)
        memory = {name: column[rows] for name, column in self.table.columns.items()}
        part = self.keeper.recall(memory, np.arange(len(rows)))
        mine = np.clip(z[present], -BOUND, BOUND)[part.rows]
        told = self.model.measure(part, mine)
        p_value = None if told is None else combined(told.by_t2, told.by_spe)
        self.keeper.file(memory, self.model.learn(part, mine, p_value is not None and p_value < ALPHA))
        columns: dict[str, Array] = {name: column.copy() for name, column in self.table.columns.items()}
        for name, value in memory.items():
            assert np.isfinite(value).all()
            columns[name][rows] = value
        self.table = replace(self.table, columns=columns)
        return p_value

    def windows(self, matrix: Floats) -> list[float | None]:
        return [self.window(z) for z in matrix]


def test_mean_and_covariance_are_those_of_numpy_with_exponential_weights() -> None:
    matrix, weight = related(1, 300, 5), 0.02
    mean, cov, weights = np.zeros(5), np.zeros((5, 5)), np.zeros(0)
    for count, z in enumerate(matrix, 1):
        step = max(1 / count, weight)
        mean, cov = learned(mean, cov, z, np.full(5, step))
        weights = np.append(weights * (1 - step), step)
    assert weights.sum() == pytest.approx(1)
    assert mean == pytest.approx(np.average(matrix, axis=0, weights=weights))
    assert cov == pytest.approx(np.cov(matrix.T, aweights=weights, ddof=0))


def test_the_stored_components_are_those_of_numpy_on_the_weighted_covariance() -> None:
    matrix, one = related(2, 240, 6, sources=3), Subject()
    quiet = StreamingPca(share=0.8, memory=200, every=1, cap=60)
    one.model = quiet
    part = one.keeper.recall(_memory(one, 6), np.arange(6))
    matrix = np.clip(matrix, -BOUND + 0.01, BOUND - 0.01)
    weights = np.zeros(0)
    for count, z in enumerate(matrix, 1):
        part = quiet.learn(part, z, alarm=False)
        step = max(1 / count, 2 / 201)
        weights = np.append(weights * (1 - step), step)
    values, vectors = np.linalg.eigh(np.cov(matrix.T, aweights=weights, ddof=0) / (1 - (weights**2).sum()))
    count = int(part.shared.retained)
    assert 1 / part.shared.squares == pytest.approx(1 / (weights**2).sum())
    assert part.values[:count] == pytest.approx(values[::-1][:count])
    assert np.abs(np.sum(part.vectors[:, :count] * vectors[:, ::-1][:, :count], axis=0)) == pytest.approx(1)
    assert part.shared.rest == pytest.approx(np.maximum(values[::-1][count:], FLOOR).sum())


def _memory(one: Subject, signals: int) -> dict[str, Array]:
    return {name: np.full((signals, width), fill) for name, (width, fill) in one.keeper.layout.items() if width}


def test_t2_and_spe_split_the_distance_and_their_parts_sum_to_them() -> None:
    cov, off = np.cov(related(3, 400, 6).T), np.random.default_rng(3).normal(size=6)
    reading = read(decomposed(cov, 0.7, 400), off)
    assert reading.t2_parts.sum() == pytest.approx(reading.t2)
    assert reading.spe_parts.sum() == pytest.approx(reading.spe)
    inside = ((off @ reading.basis.vectors) ** 2).sum()
    assert inside + reading.spe == pytest.approx((off**2).sum())


@pytest.mark.parametrize("cov", [np.zeros((4, 4)), np.ones((4, 4)), np.eye(4), np.diag([9.0, 0, 0, 0])])
def test_a_deficient_covariance_leaves_a_component_and_a_remainder(cov: Floats) -> None:
    basis = decomposed(cov, 0.999, 200)
    assert 1 <= basis.vectors.shape[1] <= 3
    assert basis.values.min() >= FLOOR
    assert basis.rest > 0
    assert (basis.vectors[np.abs(basis.vectors).argmax(axis=0), range(basis.vectors.shape[1])] > 0).all()


def test_a_turn_is_told_by_its_angle_and_by_the_signals_that_turned() -> None:
    old, angle = np.eye(4)[:, :2], np.radians(30)
    new = old.copy()
    new[:, 1] = np.cos(angle) * np.eye(4)[1] + np.sin(angle) * np.eye(4)[2]
    assert largest_angle(old, new) == pytest.approx(30)
    assert largest_angle(old, old[:, ::-1]) == pytest.approx(0)
    assert turned(old, new)[[0, 3]] == pytest.approx(0)
    assert turned(old, new)[[1, 2]] == pytest.approx(0.5)


def test_boxs_limit_is_chi_square_for_equal_variances_and_never_has_more_degrees_than_dimensions() -> None:
    assert box_p_value(9.0, 5.0, 10.0, 5) == pytest.approx(chi2.sf(9.0, 5))
    assert box_p_value(9.0, 5.0, 0.0, 5) == pytest.approx(chi2.sf(9.0, 5))
    assert box_p_value(30.0, 5.0, 40.0, 5) > chi2.sf(30.0, 5)


def test_the_tail_limit_is_exact_for_the_square_of_a_student_variable() -> None:
    mean, kurtosis = 7 / 5, 3 + 6 / 3
    variance = (kurtosis - 1) * mean**2
    assert tail_p_value(16.0, mean, variance, 1.0, 1e9) == pytest.approx(2 * t.sf(4.0, 7))
    assert tail_p_value(16.0, mean, variance, 1.0, 5.0) > 2 * t.sf(4.0, 7)


@pytest.mark.parametrize("signals", [4, 12])
def test_false_alarms_on_related_noise_are_about_as_rare_as_stated(signals: int) -> None:
    told = [p for seed in range(6) for p in Subject().windows(related(seed, 300, signals)) if p is not None]
    alarms = sum(p < ALPHA for p in told)
    assert len(told) > 1000
    assert alarms <= binom.ppf(0.999, len(told), 1.5 * ALPHA)


@pytest.mark.parametrize("others", [2, 4, 18])
def test_two_signals_that_move_apart_are_found_within_their_own_bands(others: int) -> None:
    draw = np.random.default_rng(5)
    common = draw.normal(size=(160, 1))
    matrix = np.hstack(
        [np.sqrt(0.95) * common + np.sqrt(0.05) * draw.normal(size=(160, 2)), draw.normal(size=(160, others))]
    )
    one = Subject()
    one.windows(matrix)
    apart = one.window(np.array([2.0, -2] + [0.0] * others))
    together = one.window(np.array([1.5, 1.5] + [0.0] * others))
    assert apart is not None
    assert apart < ALPHA / 10
    assert together is not None
    assert together > ALPHA


def test_strange_windows_are_not_learned_until_the_cap_then_learning_begins_anew() -> None:
    one = Subject(replace(MODEL, cap=5))
    matrix = related(6, 80, 5)
    one.windows(matrix)
    covariance = next(name for name in one.table.columns if name.endswith("/covariance"))
    before = one.table.columns[covariance].copy()
    for _ in range(5):
        one.window(np.full(5, 6.0) * [1, -1, 1, -1, 1])
    assert (one.table.columns[covariance] == before).all()
    one.window(np.full(5, 6.0) * [1, -1, 1, -1, 1])
    assert not one.table.columns[covariance].any()
    assert one.window(matrix[0]) is None
    assert all(p is None or p > 1e-4 for p in one.windows(related(7, 80, 5)))


def test_alarms_in_every_second_window_end_too() -> None:
    one = Subject()
    one.windows(related(8, 80, 5))
    matrix = related(9, 400, 5)
    matrix[::2] = np.full(5, 4.0) * [1, -1, 1, -1, 1]
    told = one.windows(matrix)
    assert sum(p is not None and p < ALPHA for p in told[:100]) > 40
    assert sum(p is not None and p < ALPHA for p in told[300:]) <= 5


def test_a_signal_that_comes_later_joins_when_it_is_known_and_its_coming_is_recorded() -> None:
    matrix, one = related(10, 200, 5), Subject()
    matrix[:100, 4] = np.nan
    one.windows(matrix[:100])
    assert len(one.keeper.notes(one.table)["node/n1"].turned) == 4
    told = one.windows(matrix[100:])
    note = one.keeper.notes(one.table)["node/n1"]
    assert {signal for signal, _ in note.turned} == {"s00", "s01", "s02", "s03", "s04"}
    assert None not in told
    assert note.shared.bases > 10
    assert 0 <= note.shared.angle <= 90
    assert sum(p is not None and p < ALPHA for p in told) <= 5


def test_signals_that_come_and_go_are_judged_without_more_alarms() -> None:
    matrix, one = related(11, 500, 6), Subject()
    matrix[np.random.default_rng(12).random(matrix.shape) < 0.2] = np.nan
    told = [p for p in one.windows(matrix) if p is not None]
    assert len(told) > 300
    assert sum(p < ALPHA for p in told) <= binom.ppf(0.999, len(told), 2 * ALPHA)


def test_signals_that_took_the_same_slot_while_apart_are_told_apart_when_they_meet() -> None:
    matrix, one = related(13, 200, 6), Subject()
    matrix[0:100:2, :3] = np.nan
    matrix[1:100:2, 3:] = np.nan
    told = one.windows(matrix)
    slots = one.table.columns[next(name for name in one.table.columns if name.endswith("/own"))][:, 0]
    assert sorted(slots.tolist()) == [1, 2, 3, 4, 5, 6]
    assert sum(p is not None and p < ALPHA for p in told) <= 5


def test_no_more_signals_than_slots_are_watched() -> None:
    one = Subject(slots=4)
    told = one.windows(related(14, 60, 7))
    slots = one.table.columns[next(name for name in one.table.columns if name.endswith("/own"))][:, 0]
    assert sorted(slots.tolist()) == [0, 0, 0, 1, 2, 3, 4]
    assert told[-1] is not None
