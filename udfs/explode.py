"""Takes the answer of a batch apart: one row per packet."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import FlatMapFunction

from models.config import Topology
from models.packets import Packet
from models.records import Change
from models.route import Routes
from udfs.packets import to_row


class Explode(FlatMapFunction):  # type: ignore[misc]
    """Encoded packets -> packets; a change becomes one note for each service that it may concern."""

    def __init__(self, topology: Topology) -> None:
        self._routes = Routes(topology)

    def flat_map(self, value: Any) -> Iterator[Row]:
        """Answer the packets of one batch."""
        for packet in msgspec.msgpack.decode(bytes(value[0]), type=list[Packet]):
            if packet.topic == "change":
                change = msgspec.msgpack.decode(packet.value, type=Change)
                yield from map(to_row, self._routes.change(change))
            else:
                yield to_row(packet)
