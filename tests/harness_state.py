"""State and metrics of the harness (`tests/harness.py`): pickled at every access, separate per key, bytes only."""

import pickle
from collections.abc import Callable
from typing import Any


class Store:
    """All state of one operator, its gauges and counters. `key` is the current key, None outside of a call."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.state: dict[tuple[str, str], bytes] = {}
        self.gauges: dict[str, Callable[[], int]] = {}
        self.counters: dict[str, Counter] = {}

    def read(self, name: str, missing: Any) -> Any:
        """Answer a fresh copy of what is stored under the current key."""
        stored = self.state.get(self.place(name))
        return missing if stored is None else pickle.loads(stored)

    def write(self, name: str, value: Any) -> None:
        """Store a copy; raises AssertionError for anything but bytes, or a list of them."""
        parts = value if isinstance(value, list) else [value]
        for one in parts:
            assert isinstance(one, bytes), f"state {name} is declared as bytes, not {one!r}"
        self.state[self.place(name)] = pickle.dumps(value)

    def place(self, name: str) -> tuple[str, str]:
        """Where a state of the current key is."""
        assert self.key is not None, f"state {name} is used outside of a key"
        return name, self.key


class Counter:
    """A counter of an operator."""

    count = 0

    def inc(self, n: int = 1) -> None:
        self.count += n


class RuntimeContext:
    """What `open` gets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get_state(self, descriptor: Any) -> "_Value":
        return _Value(self._store, descriptor.name)

    def get_list_state(self, descriptor: Any) -> "_List":
        return _List(self._store, descriptor.name)

    def get_metrics_group(self) -> "_Metrics":
        return _Metrics(self._store, "")


class _Metrics:
    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path = store, path

    def add_group(self, name: str, value: str | None = None) -> "_Metrics":
        return _Metrics(self._store, f"{self._path}{name}." + (f"{value}." if value is not None else ""))

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        self._store.gauges[self._path + name] = read

    def counter(self, name: str) -> Counter:
        return self._store.counters.setdefault(self._path + name, Counter())


class _State:
    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name

    def clear(self) -> None:
        self._store.state.pop(self._store.place(self._name), None)


class _Value(_State):
    def value(self) -> Any:
        return self._store.read(self._name, None)

    def update(self, value: bytes) -> None:
        self._store.write(self._name, value)


class _List(_State):
    def get(self) -> Any:
        return iter(self._store.read(self._name, []))

    def add(self, value: bytes) -> None:
        self._store.write(self._name, [*self.get(), value])

    def update(self, values: list[bytes]) -> None:
        assert isinstance(values, list), "a list state is updated with a list"
        self._store.write(self._name, values)
