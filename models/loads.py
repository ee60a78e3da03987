"""What a batch sends on: a load of bytes for each pane and bucket, the bucket in front, where Flink's SQL finds it."""

from itertools import zip_longest

import msgspec

from models.batch import Parts
from models.packets import Packet

#: Letters of the bucket's number, blanks before it.
KEY_LETTERS = 8
#: Who gets what belongs to no bucket.
ANY_BUCKET = "0"


class Load(msgspec.Struct, frozen=True, array_like=True):
    """Blob of a pane (epoch ms), or none; and packets that are no bulk, which go with the first load of a batch."""

    pane_ms: int
    blob: bytes | None
    others: list[Packet]


def loads_of(parts: Parts) -> list[bytes]:
    """Encode a batch, at most one load more than it has panes."""
    answer = []
    for pane, others in zip_longest(parts.panes, [parts.others] if parts.others else []):
        key = ANY_BUCKET if pane is None else pane.key
        load = Load(0, None, others or []) if pane is None else Load(pane.timestamp, pane.value, others or [])
        answer.append(key.rjust(KEY_LETTERS).encode() + msgspec.msgpack.encode(load))
    return answer


def read_load(data: bytes) -> Load:
    """Decode what `loads_of` encoded."""
    return msgspec.msgpack.decode(memoryview(data)[KEY_LETTERS:], type=Load)
