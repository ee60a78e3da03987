"""The process of the feature store: every model service asks it for the features of a request."""

import random
from collections.abc import Callable
from os import sched_setaffinity
from pathlib import Path
from typing import Any

from crosstide.lab.backend import Backend
from crosstide.lab.child import settings, stop_event
from crosstide.lab.data import features, table
from crosstide.lab.flight import Flight
from crosstide.lab.server import serve

Features = dict[str, float | None]


class Store:
    """Answers features; the lab can make it slow, and give its pipelines bugs, each for one service."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._backend = Backend()
        self._bugs: dict[str, Callable[[Features], Features]] = {}
        self._missing: dict[str, float] = {}

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer the features of a `row` of a `service`."""
        with self._flight.counted():
            self._backend.ask()
            service = call["service"]
            found: Features = dict(features(service, call["row"], call["draw"], call.get("shift")))
            bug = self._bugs.get(service)
            return self._without(service, found if bug is None else bug(found))

    def _without(self, service: str, found: Features) -> Features:
        share = self._missing.get(service, 0.0)
        return {name: None if share and random.random() < share else value for name, value in found.items()}

    def administer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Obey the lab: `wait_s`; or for a `service`, a `bug` (None: none) or the share of values `missing`."""
        if "wait_s" in order:
            self._backend.wait_s = float(order["wait_s"])
        if "missing" in order:
            self._missing[order["service"]] = float(order["missing"])
        if "bug" in order:
            self._bugs.pop(order["service"], None)
            if order["bug"] is not None:
                self._bugs[order["service"]] = bug(order["service"], **order["bug"])
        return {}


def bug(service: str, kind: str, features: list[str], by: float = 1.0) -> Callable[[Features], Features]:
    """Make a bug of a feature pipeline. ValueError for an unknown kind.

    `scale`: a wrong unit, values times `by`; `swap`: the first two features change places; `stale`: the value of the
    training set's first row, for ever.
    """
    own = table(service)
    if kind == "scale":
        return lambda found: found | {name: _times(found[name], by) for name in features}
    if kind == "swap":
        one, other = features[:2]
        return lambda found: found | {one: found[other], other: found[one]}
    if kind == "stale":
        old = dict(zip(own.names, own.train[0].tolist(), strict=True))
        return lambda found: found | {name: float(f"{old[name]:.4g}") for name in features}
    raise ValueError(f"unknown kind of bug {kind!r}: scale, swap or stale")


def _times(value: float | None, by: float) -> float | None:
    return None if value is None else float(f"{value * by:.4g}")


def main() -> None:
    """Serve until told to end."""
    spec = settings()
    sched_setaffinity(0, {spec["core"]})
    random.seed("store")
    stop = stop_event()
    for service in spec["services"]:
        table(service)  # loaded before the first request
    store = Store(Flight(Path(spec["folder"]) / "store.flight"))
    serve(spec["port"], {"/features": store.answer, "/admin": store.administer}, stop)


if __name__ == "__main__":
    main()
