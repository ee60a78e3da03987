"""Columns as bytes: nothing changes on the way, no other version is read, and the bytes are fixed."""

import hashlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.columns import LARGEST, Array, Column, bounded, pack, unpack

TYPES = (np.int8, np.int32, np.int64, np.uint64, np.float64)


@st.composite
def arrays(draw: Any) -> Array:
    shape = draw(st.sampled_from([(0,), (3,), (2, 3), (0, 4), (3, 0)]))
    body = draw(st.binary(min_size=48, max_size=48))
    kind = np.dtype(draw(st.sampled_from(TYPES)))
    return np.frombuffer(body, kind)[: int(np.prod(shape))].reshape(shape)


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(max_size=5), st.one_of(arrays(), st.lists(st.text(max_size=5), max_size=4))))
def test_columns_come_back_as_they_went_in(columns: dict[str, Column]) -> None:
    back = unpack(pack(columns))
    assert list(back) == list(columns)
    for name, column in columns.items():
        if isinstance(column, list):
            assert back[name] == column
        else:
            assert (back[name].dtype, back[name].shape) == (column.dtype, column.shape)
            assert back[name].tobytes() == column.tobytes()
    assert pack(back) == pack(columns)


def test_a_slice_that_is_not_contiguous_is_packed_as_what_it_shows() -> None:
    whole = np.arange(12.0).reshape(3, 4)
    assert unpack(pack({"x": whole[:, ::2]}))["x"].tolist() == [[0, 2], [4, 6], [8, 10]]


def test_what_was_unpacked_cannot_be_written_to() -> None:
    back = unpack(pack({"x": np.zeros(2)}))
    with pytest.raises(ValueError, match="read-only"):
        back["x"][0] = 1


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match="reads version 1"):
        unpack(msgspec.msgpack.encode([version, []]))


def test_the_bytes_of_columns_are_fixed() -> None:
    """State written by one release is read by the next: a change of this digest needs a new version."""
    columns: dict[str, Column] = {
        "names": ["a", "ü", ""],
        "codes": np.array([1, -2, 3], np.int32),
        "ids": np.array([2**64 - 1], np.uint64),
        "values": np.array([[0.5, np.nan], [-0.0, 1e300]]),
        "none": np.zeros((0, 3), np.int64),
    }
    assert (
        hashlib.sha256(pack(columns)).hexdigest() == "06a4e68560110b3c7a815420377dd854c7050909b443748779cc4361dcefddc7"
    )


def test_numbers_from_outside_are_cut_to_what_can_be_squared_and_summed() -> None:
    told = bounded([1.7e308, -1.7e308, 5e-324, -0.5])
    assert told.tolist() == [LARGEST, -LARGEST, 5e-324, -0.5]
    assert np.isnan(bounded([float("nan")])).all()
    assert bounded([]).shape == (0,)
    assert np.isfinite((told**2).sum() * 1e9)
