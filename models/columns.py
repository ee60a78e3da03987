"""Named columns as bytes: the one encoding of batches, panes and state. Versioned, flat, no pickle."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

VERSION = 1
#: Larger magnitudes count as this one, so that no square and no sum of numbers from outside overflows.
LARGEST = 1e100
Array = npt.NDArray[Any]
Column = Array | list[str]


def bounded(values: Sequence[float | None] | Array) -> Array:
    """Answer numbers from outside as float64, magnitudes beyond `LARGEST` cut to it; NaN stays, None becomes it."""
    return np.clip(np.array(values, np.float64), -LARGEST, LARGEST)


def narrow(numbers: Array) -> Array:
    """Answer whole numbers in the smallest signed type that holds them all."""
    low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return numbers.astype(kind)
    return numbers


def pack(columns: Mapping[str, Column]) -> bytes:
    """Encode arrays and lists of strings; arrays keep their type and shape."""
    return msgspec.msgpack.encode([VERSION, [_pack_one(name, column) for name, column in columns.items()]])


def unpack(data: bytes) -> dict[str, Any]:
    """Decode what `pack` wrote. Arrays are read-only views of `data`.

    Raises ValueError for another version: state of another layout is refused, never guessed at.
    """
    version, columns = msgspec.msgpack.decode(data)
    if version != VERSION:
        raise ValueError(f"columns of version {version}, this program reads version {VERSION}")
    return {name: _unpack_one(kind, shape, body) for name, kind, shape, body in columns}


def _pack_one(name: str, column: Column) -> list[Any]:
    if isinstance(column, list):
        return [name, "strings", None, column]
    return [name, column.dtype.str, list(column.shape), np.ascontiguousarray(column).tobytes()]


def _unpack_one(kind: str, shape: list[int] | None, body: Any) -> Column:
    if shape is None:
        return list(body)
    return np.frombuffer(body, dtype=np.dtype(kind)).reshape(shape)
