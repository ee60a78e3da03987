"""What a fault may touch: nodes, services, their models, and the book of changes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosstide.lab import training
from crosstide.lab.children import Children
from crosstide.lab.client import Client
from crosstide.lab.clock import Clock, iso
from crosstide.lab.cores import Layout

ADMIN_TIMEOUT_S = 10.0
FIRST_VERSION = "1.0.0"
# ends with the recorder, even if that is killed: the system then gives it another parent
_BUSY = """
import os
os.sched_setaffinity(0, {{{core}}})
{idle}
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100000):
        pass
"""
_IDLE = "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))"


@dataclass
class Stage:
    """Handed to every fault. `ports`: of the services; `versions`: the model version each service runs."""

    layout: Layout
    children: Children
    clock: Clock
    folder: Path
    ports: dict[str, int]
    versions: dict[str, str] = field(init=False)
    paths: dict[str, Path] = field(init=False)
    changes: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions = dict.fromkeys(self.ports, FIRST_VERSION)
        self.paths = {service: self.path(service, FIRST_VERSION) for service in self.ports}

    def path(self, service: str, name: str) -> Path:
        """Say where a model of a service lies."""
        return self.folder / f"{service}-{name}.skops"

    def admin(self, service: str, order: dict[str, Any]) -> None:
        """Give a service an order (see `Service.administer`); CallError where it does not obey."""
        with closing(Client(self.ports[service])) as client:
            client.post("/admin", order, ADMIN_TIMEOUT_S)

    def deploy(self, service: str, version: str, path: Path) -> None:
        """Let a service load a model, under a version."""
        self.admin(service, {"path": str(path), "version": version})
        self.versions[service], self.paths[service] = version, path

    def change(self, service: str, kind: str, ref: str) -> None:
        """Write an entry of topic `changes`, now."""
        self.changes.append({"service": service, "timestamp": iso(self.clock.now()), "type": kind, "ref": ref})

    def prepare(self, service: str, name: str, shuffled: float, seed: int) -> Path:
        """Train a model before it is needed (never while measuring)."""
        path = self.path(service, name)
        training.save(training.train(service, shuffled, seed), path)
        return path

    @contextmanager
    def busy(self, node: str, count: int, idle_priority: bool) -> Iterator[None]:
        """Have processes compute without end on the core of a node, until the block ends."""
        code = _BUSY.format(core=self.layout.nodes[node], idle=_IDLE if idle_priority else "")
        hogs = [self.children.start("busy", ["-S", "-c", code]) for _ in range(count)]
        try:
            yield
        finally:
            for hog in hogs:
                self.children.kill(hog)
