"""The harness is stricter than Flink: each strictness, shown on a small operator."""

from collections.abc import Iterator
from typing import Any

import pytest
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from tests.harness import NEVER, Harness
from udfs.packets import BYTES


def packet(key: str = "a", timestamp: int = 5, value: bytes = b"x", topic: str = "t") -> Row:
    return Row(topic, key, timestamp, value)


class Gather(KeyedProcessFunction):  # type: ignore[misc]
    """Keeps values until a timer at their time, then writes them joined."""

    def open(self, runtime_context: Any) -> None:
        self.kept = runtime_context.get_list_state(ListStateDescriptor("kept", BYTES))
        self.count = runtime_context.get_state(ValueStateDescriptor("count", BYTES))
        runtime_context.get_metrics_group().add_group("of", "gather").gauge("seven", lambda: 7)

    def process_element(self, value: Any, ctx: Any) -> None:
        self.kept.add(value[3])
        self.count.update((self.count.value() or b"") + b"+")
        ctx.timer_service().register_event_time_timer(value[2])

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Row]:
        yield Row("joined", ctx.get_current_key(), timestamp, b",".join(self.kept.get()) + self.count.value())
        self.kept.clear()


class Answers(KeyedProcessFunction):  # type: ignore[misc]
    """Answers every element with one thing."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def process_element(self, value: Any, ctx: Any) -> Any:
        ctx.timer_service().register_event_time_timer(9)
        return self.answer

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        return None


class Keeps(KeyedProcessFunction):  # type: ignore[misc]
    """Keeps the row itself."""

    row: Any = None

    def process_element(self, value: Any, ctx: Any) -> Iterator[Row]:
        if self.row is not None:
            yield self.row
        self.row = value


class Asks(KeyedProcessFunction):  # type: ignore[misc]
    """Asks the timer service for one thing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def process_element(self, value: Any, ctx: Any) -> None:
        getattr(ctx.timer_service(), self.name)()


def test_state_is_separate_per_key_and_timers_fire_in_order_once_per_key_and_time() -> None:
    harness = Harness(Gather())
    for row in (packet("b", 7), packet("a", 7, b"1"), packet("a", 7, b"2"), packet("a", 5, b"3"), packet("a", 99)):
        assert harness.process(row) == []
    fired = harness.advance_watermark(10)
    assert [(row[1], row[2], row[3]) for row in fired] == [("a", 5, b"1,2,3,x++++"), ("a", 7, b"++++"), ("b", 7, b"x+")]
    assert harness.timers == [(99, "a")]
    assert harness.gauges["of.gather.seven"]() == 7


def test_what_was_read_from_state_does_not_alias_it() -> None:
    class Appends(Gather):
        def process_element(self, value: Any, ctx: Any) -> Any:
            self.kept.update([b"1"])
            read = list(self.kept.get())
            read.append(b"2")
            yield Row("t", "k", 0, b"".join(self.kept.get()))

    assert Harness(Appends()).process(packet())[0][3] == b"1"


def test_a_restored_harness_has_state_and_timers_but_neither_the_watermark_nor_the_operators_own_fields() -> None:
    harness = Harness(Gather())
    harness.process(packet("a", 5, b"1"))
    harness.advance_watermark(3)
    snapshot = harness.snapshot()
    harness.process(packet("a", 6, b"lost"))
    harness._operator.remembered = True
    restored = harness.restore(snapshot)
    assert restored.watermark == NEVER
    assert not hasattr(restored._operator, "remembered")
    assert [row[3] for row in restored.advance_watermark(10)] == [b"1+"]


@pytest.mark.parametrize(
    "row",
    [
        packet(timestamp=2**63),
        packet(timestamp=True),
        packet(timestamp=1.5),  # type: ignore[arg-type]
        packet(key=None),  # type: ignore[arg-type]
        packet(value=bytearray(b"x")),  # type: ignore[arg-type]
        packet(value="text"),  # type: ignore[arg-type]
        Row("t", "k", 1),
        ("t", "k", 1, b"x"),
    ],
    ids=str,
)
def test_an_output_that_the_declared_type_cannot_carry_fails(row: Any) -> None:
    with pytest.raises(AssertionError):
        Harness(Answers([row])).process(packet())


def test_a_lone_surrogate_in_an_output_fails_as_it_does_between_operators() -> None:
    with pytest.raises(UnicodeEncodeError):
        Harness(Answers([packet(key="\ud800")])).process(packet())


def test_none_is_allowed_of_an_element_and_fails_of_a_timer() -> None:
    harness = Harness(Answers(None))
    assert harness.process(packet()) == []
    with pytest.raises(AssertionError, match="not iterable"):
        harness.advance_watermark(10)


def test_a_row_that_is_kept_is_spoiled() -> None:
    harness = Harness(Keeps())
    harness.process(packet())
    with pytest.raises(AssertionError):
        harness.process(packet())


def test_state_holds_bytes_only_and_only_within_a_key() -> None:
    harness = Harness(Gather())
    with pytest.raises(AssertionError, match="declared as bytes"):
        harness.process(packet(value="text"))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="outside of a key"):
        harness._operator.kept.get()


@pytest.mark.parametrize("name", ["current_processing_time", "register_processing_time_timer"])
def test_processing_time_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match="event time only"):
        Harness(Asks(name)).process(packet())


def test_an_operator_that_cannot_be_pickled_fails_and_a_watermark_never_goes_back() -> None:
    with pytest.raises(TypeError):
        Harness(Answers(number for number in range(3)))
    harness = Harness(Gather())
    harness.advance_watermark(5)
    with pytest.raises(AssertionError):
        harness.advance_watermark(4)
