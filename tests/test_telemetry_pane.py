"""The fold of telemetry equals a slow truth; counters rise through resets and over the edges of panes."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.records import MetricKind, Telemetry
from models.telemetry_blob import SEPARATOR, pack_telemetry
from models.telemetry_pane import (
    FIRST,
    FIRST_TIME,
    INCREASE,
    LAST,
    LAST_TIME,
    SPAN,
    STATS,
    SUM,
    Carry,
    N,
    TelemetryPane,
    carried,
    fold_blobs,
    merge_panes,
)
from tests.core_cases import T0

Sent = tuple[Telemetry, int, int]  # sample, time, partition
PANE = 5_000
EXACT = [N, FIRST_TIME, FIRST, LAST_TIME, LAST, SPAN]
COUNTER = SEPARATOR.join(("node/n1", "requests", "counter", ""))


@st.composite
def sent(draw: Any) -> Sent:
    kind: MetricKind = draw(st.sampled_from(["gauge", "counter", "delta", "event"]))
    name = f"{kind}.{draw(st.sampled_from('ab'))}"
    sample = Telemetry(timestamp=0, metric=name, value=draw(st.floats(0, 1e6)), node="n1", kind=kind)
    return sample, T0 + draw(st.integers(0, 11)) * 1_250, draw(st.integers(0, 1))


def packed(parts: list[Sent]) -> bytes:
    return pack_telemetry([r for r, _, _ in parts], [t for _, t, _ in parts], [p for _, _, p in parts])


def cut(parts: list[Sent], pieces: int) -> list[bytes]:
    return [packed(parts[at::pieces]) for at in range(pieces) if parts[at::pieces]]


def counter(samples: dict[int, float]) -> list[Sent]:
    return [
        (Telemetry(timestamp=0, metric="requests", value=value, node="n1", kind="counter"), T0 + at, 0)
        for at, value in samples.items()
    ]


def rise(values: list[float]) -> float:
    """What a counter rose by: a fall means that it began again from zero."""
    return sum(now - then if now >= then else now for then, now in pairwise(values))


def by_pane(parts: list[Sent]) -> list[list[Sent]]:
    panes: dict[int, list[Sent]] = {}
    for part in parts:
        panes.setdefault(part[1] // PANE, []).append(part)
    return [panes[pane] for pane in sorted(panes)]


def in_panes(parts: list[Sent], pieces: int = 1) -> list[TelemetryPane]:
    """Fold pane after pane, each with what the one before carries over."""
    carry: Carry = {}
    folded = []
    for part in by_pane(parts):
        pane, _, _ = fold_blobs(cut(part, pieces), carry)
        carry = carried(pane, carry)
        folded.append(pane)
    return folded


def distinct(parts: list[Sent]) -> list[Sent]:
    return list({(r.metric, t): (r, t, p) for r, t, p in parts}.values())


@settings(deadline=None, max_examples=30)
@given(st.lists(sent(), min_size=1, max_size=40), st.integers(1, 6), st.integers(0, 2**32))
def test_any_order_and_any_split_give_the_same_bytes_and_accounts(parts: list[Sent], pieces: int, seed: int) -> None:
    mixed = list(parts)
    random.Random(seed).shuffle(mixed)
    one, scored, duplicates = fold_blobs([packed(parts)], {})
    two, *counted = fold_blobs(cut(mixed, pieces), {})
    assert one.pack() == two.pack()
    assert counted == [scored, duplicates]
    assert scored.total() == len(distinct(parts))
    assert [p.pack() for p in in_panes(parts)] == [p.pack() for p in in_panes(mixed, pieces)]


@settings(deadline=None, max_examples=30)
@given(st.lists(sent(), min_size=1, max_size=40))
def test_a_fold_equals_a_slow_truth(parts: list[Sent]) -> None:
    parts = distinct(parts)
    pane, _, _ = fold_blobs(cut(parts, 3), {})
    assert pane.names == sorted({f"node/n1\x1f{r.metric}\x1f{r.kind}\x1f" for r, _, _ in parts})
    for row, name in enumerate(pane.names):
        mine = sorted((t, r.value) for r, t, _ in parts if r.metric == name.split(SEPARATOR)[1])
        values = [value for _, value in mine]
        truth = (
            len(mine), sum(values), sum(v * v for v in values), mine[0][0], values[0], mine[-1][0], values[-1],
            rise(values), mine[-1][0] - mine[0][0],
        )  # fmt: skip
        assert pane.stats[row] == pytest.approx(np.array(truth), rel=1e-12, abs=1e-9)
        assert pane.stats[row, EXACT].tolist() == [truth[place] for place in EXACT]


@settings(deadline=None, max_examples=30)
@given(st.lists(sent(), min_size=1, max_size=40))
def test_panes_that_are_merged_equal_one_fold_of_everything(parts: list[Sent]) -> None:
    parts = distinct(parts)
    merged = merge_panes(in_panes(parts))
    whole, _, _ = fold_blobs([packed(parts)], {})
    kinds = np.array([name.split(SEPARATOR)[2] == "counter" for name in whole.names])
    assert merged.names == whole.names
    rises = [INCREASE, SPAN]
    others = [place for place in range(len(STATS)) if place not in rises]
    assert merged.stats[:, [N, FIRST_TIME, FIRST, LAST_TIME, LAST]].tolist() == (
        whole.stats[:, [N, FIRST_TIME, FIRST, LAST_TIME, LAST]].tolist()
    )
    assert merged.stats[:, others] == pytest.approx(whole.stats[:, others], rel=1e-12)
    assert merged.stats[kinds][:, rises] == pytest.approx(whole.stats[kinds][:, rises], rel=1e-9, abs=1e-6)


RISES: dict[str, tuple[dict[int, float], float, int]] = {
    "steady": ({0: 10, 1_000: 12, 2_000: 14}, 4, 2_000),
    "a restart counts from zero": ({0: 100, 1_000: 3, 2_000: 5}, 5, 2_000),
    "a restart to zero": ({0: 100, 1_000: 0}, 0, 1_000),
    "two restarts": ({0: 5, 1_000: 1, 2_000: 4, 3_000: 2}, 6, 3_000),
    "one sample alone says nothing": ({0: 100}, 0, 0),
    "one sample a pane": ({0: 100, 5_000: 130, 10_000: 150}, 50, 10_000),
    "a restart at the edge of a pane": ({4_999: 100, 5_000: 7}, 7, 1),
    "a pane without a sample between": ({0: 1, 12_000: 5}, 4, 12_000),
}


@pytest.mark.parametrize("case", RISES)
def test_a_counter_rises_through_resets_and_over_panes(case: str) -> None:
    samples, increase, span = RISES[case]
    pane = merge_panes(in_panes(counter(samples)))
    assert pane.stats[0, [INCREASE, SPAN]].tolist() == [increase, span]


def test_only_counters_are_carried_and_the_newest_sample_of_each() -> None:
    gauge = Telemetry(timestamp=0, metric="load", value=3.0, node="n1")
    pane, _, _ = fold_blobs([packed([*counter({0: 4.0, 3_000: 9.0}), (gauge, T0, 0)])], {})
    assert carried(pane, {}) == {COUNTER: (T0 + 3_000, 9.0)}
    assert carried(pane, {"other": (1.0, 2.0)}) == {"other": (1.0, 2.0), COUNTER: (T0 + 3_000, 9.0)}


def test_a_pane_that_comes_after_a_later_one_has_no_rise_from_it_and_carries_nothing_back() -> None:
    carry = {COUNTER: (float(T0 + 7_000), 9.0)}
    pane, _, _ = fold_blobs([packed(counter({1_000: 4.0, 2_000: 5.0}))], carry)
    assert pane.stats[0, [INCREASE, SPAN]].tolist() == [1.0, 1_000.0]
    assert carried(pane, carry) == carry


def test_of_two_values_for_one_time_the_smaller_counts_whoever_sent_it() -> None:
    def told(value: float, partition: int) -> Sent:
        return Telemetry(timestamp=0, metric="load", value=value, node="n1"), T0, partition

    for parts in ([told(2.0, 1), told(1.0, 2), told(1.0, 0)], [told(1.0, 0), told(1.0, 2), told(2.0, 1)]):
        pane, scored, duplicates = fold_blobs([packed(parts)], {})
        assert (pane.stats[0, SUM], dict(scored), dict(duplicates)) == (1.0, {0: 1}, {1: 1, 2: 1})


def test_series_of_equal_metric_are_kept_apart_by_entity_kind_and_named_service() -> None:
    shapes: list[dict[str, Any]] = [
        {"node": "n1"}, {"pod": "n1"}, {"gpu": "0"}, {"node": "n1", "gpu": "0"}, {"service": "n1"},
        {"node": "n1", "service": "a"}, {"node": "n1", "kind": "delta"}, {},
    ]  # fmt: skip
    parts = [(Telemetry(timestamp=0, metric="load", value=1.0, **shape), T0, 0) for shape in shapes]
    pane, scored, _ = fold_blobs([packed(parts)], {})
    assert (len(pane.names), scored.total()) == (len(shapes), len(shapes))


def test_a_pane_comes_back_from_bytes_as_it_went() -> None:
    pane, _, _ = fold_blobs([packed(counter({0: 4.0, 3_000: 9.0}))], {})
    assert TelemetryPane.unpack(pane.pack()).pack() == pane.pack()


def test_numbers_of_any_size_leave_every_statistic_finite() -> None:
    for values in ([1.7e308, -1.7e308, 1.7e308], [5e-324, 1e305, 1e305]):
        pane, _, _ = fold_blobs([packed(counter(dict(enumerate(values))))], {COUNTER: (T0 - 9.0, -1e100)})
        assert np.isfinite(pane.stats).all()
