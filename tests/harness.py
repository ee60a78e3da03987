"""A keyed operator in memory, without Java, stricter than Flink.

The operator is pickled before use; state is pickled at every access, so nothing aliases it; input rows are spoiled once
processed; outputs are checked against the declared type; processing time is refused. Watermarks move only when told.
"""

import heapq
import pickle
from collections.abc import Callable, Iterable
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
from pyflink.common import Row

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
    """One operator under test. `outputs` holds every row so far, `gauges` the metrics by their full name."""

    def __init__(self, operator: Any, key: Callable[[Row], str] = lambda row: str(row[1])) -> None:
        self._pickled = cloudpickle.dumps(operator)
        self._key_of = key
        self._state: dict[tuple[str, str], bytes] = {}
        self._timers: set[tuple[int, str]] = set()
        self._key: str | None = None
        self.watermark = NEVER
        self.outputs: list[Row] = []
        self.gauges: dict[str, Callable[[], int]] = {}
        self._operator = cloudpickle.loads(self._pickled)
        self._operator.open(_RuntimeContext(self))

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
            due = heapq.nsmallest(1, self._timers)[0]
            self._timers.remove(due)
            answer += self._run(due[1], lambda context, at=due[0]: self._operator.on_timer(at, context))
        return answer

    def snapshot(self) -> bytes:
        """Answer what a checkpoint keeps: state and timers. Neither the watermark nor the operator's fields."""
        return pickle.dumps((self._state, self._timers))

    def restore(self, snapshot: bytes) -> "Harness":
        """Answer a new harness, its operator freshly unpickled and opened, that goes on from a snapshot."""
        fresh = Harness(cloudpickle.loads(self._pickled), self._key_of)
        fresh._state, fresh._timers = pickle.loads(snapshot)
        fresh.outputs = list(self.outputs)
        return fresh

    @property
    def timers(self) -> list[tuple[int, str]]:
        """Timers that have not fired: (time, key)."""
        return sorted(self._timers)

    def _run(self, key: str, call: Callable[["_Context"], Any]) -> list[Row]:
        self._key = key
        try:
            rows = checked(call(_Context(self, key)))
        finally:
            self._key = None
        self.outputs += rows
        return rows

    def _place(self, name: str) -> tuple[str, str]:
        assert self._key is not None, f"state {name} is used outside of a key"
        return name, self._key


class _RuntimeContext:
    def __init__(self, harness: Harness) -> None:
        self._harness = harness

    def get_state(self, descriptor: Any) -> "_Value":
        return _Value(self._harness, descriptor.name)

    def get_list_state(self, descriptor: Any) -> "_List":
        return _List(self._harness, descriptor.name)

    def get_metrics_group(self) -> "_Metrics":
        return _Metrics(self._harness, "")


class _Metrics:
    def __init__(self, harness: Harness, path: str) -> None:
        self._harness, self._path = harness, path

    def add_group(self, name: str, value: str | None = None) -> "_Metrics":
        return _Metrics(self._harness, f"{self._path}{name}." + (f"{value}." if value is not None else ""))

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        self._harness.gauges[self._path + name] = read


class _State:
    def __init__(self, harness: Harness, name: str) -> None:
        self._harness, self._name = harness, name

    def _read(self, missing: Any) -> Any:
        stored = self._harness._state.get(self._harness._place(self._name))
        return missing if stored is None else pickle.loads(stored)

    def _write(self, value: Any) -> None:
        for one in value if isinstance(value, list) else [value]:
            assert isinstance(one, bytes), f"state {self._name} is declared as bytes, not {one!r}"
        self._harness._state[self._harness._place(self._name)] = pickle.dumps(value)

    def clear(self) -> None:
        self._harness._state.pop(self._harness._place(self._name), None)


class _Value(_State):
    def value(self) -> Any:
        return self._read(None)

    def update(self, value: Any) -> None:
        self._write(value)


class _List(_State):
    def get(self) -> Any:
        return iter(self._read([]))

    def add(self, value: Any) -> None:
        self._write([*self._read([]), value])

    def update(self, values: list[Any]) -> None:
        assert isinstance(values, list), "a list state is updated with a list"
        self._write(values)


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
