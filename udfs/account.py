"""Sums the accounts of a topic and partition, and writes the sum each time that event time moves on."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ValueStateDescriptor

from models.packets import Account, Packet
from udfs.packets import BYTES, from_row, to_row


class SumAccounts(KeyedProcessFunction):  # type: ignore[misc]
    """Partial accounts in; the account so far out, on the topic `state`."""

    def open(self, runtime_context: Any) -> None:
        """Name the state."""
        self._sum = runtime_context.get_state(ValueStateDescriptor("account-v1", BYTES))

    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> None:
        """Add; the sum is written at the next watermark, once for all that came before it."""
        part = msgspec.msgpack.decode(from_row(value).value, type=Account)
        known = self._sum.value()
        total = part if known is None else msgspec.msgpack.decode(bytes(known), type=Account).plus(part)
        self._sum.update(msgspec.msgpack.encode(total))
        timers = ctx.timer_service()
        timers.register_event_time_timer(max(timers.current_watermark(), 0) + 1)

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterator[Row]:  # noqa: ARG002
        """Write the sum."""
        total = msgspec.msgpack.decode(bytes(self._sum.value()), type=Account)
        key = f"account/{total.topic}/{total.partition}"
        yield to_row(Packet("state", key, min(timestamp, 4_102_444_800_000), msgspec.json.encode(total)))
