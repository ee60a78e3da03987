"""Takes loads apart: what is no bulk becomes a row per packet."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import ProcessFunction

from models.config import Topology
from models.loads import read_load
from models.packets import Packet
from models.records import Change
from models.route import Routes
from models.scores import Judged
from udfs.lanes import in_lanes
from udfs.packets import to_row


class Explode(ProcessFunction):  # type: ignore[misc]
    """Loads without bulk -> packets, in lanes."""

    def __init__(self, topology: Topology) -> None:
        self._routes = Routes(topology)

    def process_element(self, value: Any, ctx: "ProcessFunction.Context") -> Iterator[Any]:  # noqa: ARG002
        """Answer the packets of one load; `value`: (bucket, load)."""
        yield from in_lanes(exploded(read_load(bytes(value[1])).others, self._routes))


def exploded(packets: Iterable[Packet], routes: Routes) -> Iterator[Row]:
    """Answer packets as rows; changes and score lines go to every service that they may concern."""
    for packet in packets:
        if packet.topic == "change":
            change = msgspec.msgpack.decode(packet.value, type=Change)
            yield from map(to_row, routes.change(change))
        elif packet.topic == "judged":
            judged = msgspec.msgpack.decode(packet.value, type=Judged)
            yield from map(to_row, routes.verdicts(judged))
        else:
            yield to_row(packet)
