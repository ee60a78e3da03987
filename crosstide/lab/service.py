"""The process of one model service."""

import random
from os import sched_setaffinity
from pathlib import Path

from crosstide.lab import training
from crosstide.lab.answers import Loaded
from crosstide.lab.child import Appender, settings, stop_event
from crosstide.lab.client import Client
from crosstide.lab.clock import Clock
from crosstide.lab.flight import Flight
from crosstide.lab.journal import Journal
from crosstide.lab.scoring import Service
from crosstide.lab.server import serve


def main() -> None:
    """Serve until told to end."""
    spec = settings()
    sched_setaffinity(0, {spec["core"]})
    name, folder = spec["name"], Path(spec["folder"])
    random.seed(name)
    stop = stop_event()
    loaded = Loaded(training.load(Path(spec["path"])), spec["version"], training.neutral(name))
    service = Service(
        name=name,
        clock=Clock(spec["offset_s"]),
        loaded=loaded,
        upstreams={callee: Client(port) for callee, port in spec["upstreams"].items()},
        records=Appender(folder / f"{name}.records"),
        labels=Appender(folder / f"{name}.labels"),
        failures=Appender(folder / f"{name}.failures"),
        flight=Flight(folder / f"{name}.flight"),
        journal=Journal(Path(spec["journal"])) if spec["journal"] else None,
    )
    serve(spec["port"], {"/predict": service.answer, "/admin": service.administer}, stop)


if __name__ == "__main__":
    main()
