"""A keyed operator in memory, without Java, stricter than Flink.

The operator is pickled before use; state is pickled at every access, so nothing aliases it; input rows are spoiled once
processed; outputs are checked against the declared type; processing time is refused. Watermarks move only when told.
"""

import pickle
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import cloudpickle
from pyflink.common import Row

from tests.harness_state import RuntimeContext, Store

#: What a history is made of: a row, or a watermark.
Step = Any
LONG = range(-(2**63), 2**63)
NEVER = LONG.start
FIELDS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("topic", lambda value: isinstance(value, str)),
    ("key", lambda value: isinstance(value, str)),
    ("timestamp", lambda value: type(value) is int and value in LONG),
    ("value", lambda value: type(value) is bytes),
)


def checked(outputs: Any) -> list[Row]:
    """Answer the rows of one call; raises AssertionError for what `udfs.packets.PACKET` could not carry."""
    assert isinstance(outputs, Iterable), f"{outputs!r} is not iterable: Flink fails on it"
    rows = list(outputs)
    for row in rows:
        assert isinstance(row, Row), f"{row!r} is not a Row"
        assert len(row) == len(FIELDS), f"{row!r} has {len(row)} fields"
        for (name, fits), value in zip(FIELDS, row, strict=True):
            assert fits(value), f"{name} cannot be {value!r}"
            if isinstance(value, str):
                value.encode()
    return rows


class Harness:
    """One operator under test. `outputs` holds every row so far, `gauges` and `counters` by their full name."""

    def __init__(self, operator: Any, key: Callable[[Row], str] = lambda row: str(row[1])) -> None:
        self._pickled = cloudpickle.dumps(operator)
        self._key_of = key
        self._store = Store()
        self._timers: set[tuple[int, str]] = set()
        self.watermark = NEVER
        self.outputs: list[Row] = []
        self.gauges, self.counters = self._store.gauges, self._store.counters
        self._operator = cloudpickle.loads(self._pickled)
        self._operator.open(RuntimeContext(self._store))

    def process(self, row: Row) -> list[Row]:
        """Give the operator an element; `None` for no output is allowed here, as in Flink."""
        mine = Row(*row)
        answer = self._run(self._key_of(row), lambda context: self._operator.process_element(mine, context) or ())
        mine.set_field_names(["spoiled"] * len(row))
        mine._values[:] = [None] * len(row)
        return answer

    def advance_watermark(self, to: int) -> list[Row]:
        """Move event time on, and fire what is due in order of time; timers set meanwhile fire too."""
        assert to >= self.watermark, "a watermark never goes back"
        self.watermark, answer = to, list[Row]()
        while self._timers and min(self._timers)[0] <= to:
            at, key = due = min(self._timers)
            self._timers.remove(due)
            answer += self._run(key, partial(self._operator.on_timer, at))
        return answer

    def snapshot(self) -> bytes:
        """Answer what a checkpoint keeps: state and timers. Neither the watermark nor the operator's fields."""
        return pickle.dumps((self._store.state, self._timers))

    def restore(self, snapshot: bytes) -> "Harness":
        """Answer a new harness, its operator freshly unpickled and opened, that goes on from a snapshot."""
        fresh = Harness(cloudpickle.loads(self._pickled), self._key_of)
        fresh._store.state, fresh._timers = pickle.loads(snapshot)
        fresh.outputs = list(self.outputs)
        return fresh

    @property
    def timers(self) -> list[tuple[int, str]]:
        """Timers that have not fired: (time, key)."""
        return sorted(self._timers)

    def _run(self, key: str, call: Callable[["_Context"], Any]) -> list[Row]:
        self._store.key = key
        try:
            rows = checked(call(_Context(self, key)))
        finally:
            self._store.key = None
        self.outputs += rows
        return rows


class _Context:
    """Context of an element and of a timer, and the timer service: nothing in it tells processing time."""

    def __init__(self, harness: Harness, key: str) -> None:
        self._harness, self._key = harness, key

    def get_current_key(self) -> str:
        return self._key

    def timer_service(self) -> "_Context":
        return self

    def current_watermark(self) -> int:
        return self._harness.watermark

    def register_event_time_timer(self, timestamp: int) -> None:
        assert type(timestamp) is int and timestamp in LONG, f"a timer cannot be at {timestamp!r}"
        self._harness._timers.add((timestamp, self._key))

    def delete_event_time_timer(self, timestamp: int) -> None:
        self._harness._timers.discard((timestamp, self._key))

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the operator asked for {name}: operators act on event time only")


def play(harness: Harness, steps: Iterable[Step], restarts: frozenset[int] = frozenset()) -> Harness:
    """Take every step; before those in `restarts`, go on from a snapshot in a fresh operator instead."""
    for at, step in enumerate(steps):
        if at in restarts:
            harness = harness.restore(harness.snapshot())
        if isinstance(step, int):
            harness.advance_watermark(step)
        else:
            harness.process(step)
    return harness
