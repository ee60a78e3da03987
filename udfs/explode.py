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
from models.scores import Judged
from udfs.packets import to_row


class Explode(FlatMapFunction):  # type: ignore[misc]
    """Encoded packets -> packets; changes and score lines go to every service that they may concern."""

    def __init__(self, topology: Topology) -> None:
        self._routes = Routes(topology)

    def flat_map(self, value: Any) -> Iterator[Row]:
        """Answer the packets of one batch."""
        for packet in msgspec.msgpack.decode(bytes(value[0]), type=list[Packet]):
            if packet.topic == "change":
                change = msgspec.msgpack.decode(packet.value, type=Change)
                yield from map(to_row, self._routes.change(change))
            elif packet.topic == "judged":
                judged = msgspec.msgpack.decode(packet.value, type=Judged)
                yield from map(to_row, self._routes.verdicts(judged))
            else:
                yield to_row(packet)
