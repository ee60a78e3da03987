"""A frame: rows in order of subject and signal, whatever the order and the number of steps that they were added in."""

import random
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frame import Frame
from models.frame_build import FrameBuilder
from models.name_codes import Names

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["node/n1", "node/n2", "service/a"]),
        st.sampled_from(["x", "x.slope", "rate"]),
        st.sampled_from([1.0, -2.0, float("nan"), float("inf"), 1e300]),
        st.integers(0, 5),
    ),
    max_size=12,
)


def built(rows: list[tuple[str, str, float, int]]) -> Frame:
    builder = FrameBuilder()
    for subject, signal, value, count in rows:
        builder.add(subject, signal, value, count)
    return builder.build()


def told(frame: Frame) -> list[tuple[str, str, float, int]]:
    return list(zip(frame.subjects, frame.signals, frame.values.tolist(), frame.counts.tolist(), strict=True))


@settings(deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_in_which_rows_are_added_changes_nothing(
    rows: list[tuple[str, str, float, int]], order: random.Random
) -> None:
    frame = built(rows)
    assert told(frame) == sorted((s, g, min(v, 1e100), c) for s, g, v, c in rows if np.isfinite(v))
    assert told(built(order.sample(rows, len(rows)))) == told(frame)


@settings(deadline=None)
@given(ROWS)
def test_rows_added_together_are_rows_added_one_by_one(rows: list[tuple[str, str, float, int]]) -> None:
    builder, (subjects, signals, values, counts) = FrameBuilder(), zip(*rows, strict=True) if rows else ([],) * 4
    builder.extend(Names.of(subjects), Names.of(signals), np.array(values, float), np.array(counts, np.int64))
    assert told(builder.build()) == told(built(rows))


@settings(deadline=None)
@given(ROWS)
def test_names_pairs_and_first_rows_are_those_of_the_rows(rows: list[tuple[str, str, float, int]]) -> None:
    frame = built(rows)
    pairs = list(zip(frame.subjects, frame.signals, strict=True))
    assert [frame.by_subject.names[code] for code in frame.by_subject.codes] == frame.subjects
    assert [frame.subjects.index(name) for name in frame.by_subject.names] == frame.firsts.tolist()
    assert [pairs[row] for row in frame.pairs.last] == sorted(set(pairs))
    assert [pairs[frame.pairs.last[pair]] for pair in frame.pairs.of] == pairs
    assert all(one < other for one, other in pairwise(frame.pairs.keys.tolist()))


def test_the_row_of_a_pair_that_a_frame_lacks_is_none() -> None:
    frame = built([("node/n1", "x", 1.0, 1), ("node/n2", "y", 1.0, 1)])
    keys = frame.pair_keys(np.array([0, 0, 1, 1, -1]), np.array([0, 1, 1, -1, 0]))
    assert frame.pairs.rows(keys).tolist() == [0, -1, 1, -1, -1]
    assert built([]).pairs.rows(np.array([0, -1])).tolist() == [-1, -1]
