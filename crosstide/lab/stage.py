"""What a fault may touch: nodes, services, links, load, telemetry, models, and the book of changes."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosstide.lab import shop, training
from crosstide.lab.children import Children
from crosstide.lab.client import CallError, Client
from crosstide.lab.clock import Clock, iso
from crosstide.lab.cores import Layout
from crosstide.lab.scene import Scene
from crosstide.lab.supervisor import Supervisor

ADMIN_TIMEOUT_S = 10.0
RETRY_S = 0.2
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
    """Handed to every fault."""

    scene: Scene
    changes: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    nodes: dict[str, str] = field(default_factory=lambda: dict(shop.NODES))

    def __post_init__(self) -> None:
        self._groups: dict[str, Path] = {}
        self.supervisor = Supervisor(self.scene, self._died, self._restarted)

    @property
    def layout(self) -> Layout:
        """Which core is which node."""
        return self.scene.layout

    @property
    def children(self) -> Children:
        """The processes of the lab."""
        return self.scene.children

    @property
    def clock(self) -> Clock:
        """The clock of the lab."""
        return self.scene.clock

    @property
    def scratch(self) -> Path:
        """A folder on the disk, removed at the end."""
        return self.scene.scratch

    @property
    def ports(self) -> dict[str, int]:
        """Service -> port, the store's among them."""
        return self.scene.ports

    @property
    def versions(self) -> dict[str, str]:
        """Service -> version of the model that it runs."""
        return self.scene.versions

    @property
    def paths(self) -> dict[str, Path]:
        """Service -> file of the model that it runs."""
        return self.scene.paths

    def callers(self, callee: str) -> list[str]:
        """Name the services that call one."""
        return shop.callers(callee)

    def path(self, service: str, name: str) -> Path:
        """Say where a model of a service lies."""
        return self.scene.folder / f"{service}-{name}.skops"

    def admin(self, service: str, order: dict[str, Any]) -> None:
        """Give a service an order (`Service.administer`, `Store.administer`); CallError where it does not obey.

        One that is being restarted is waited for.
        """
        until = time.monotonic() + ADMIN_TIMEOUT_S
        while True:
            try:
                with closing(Client(self.ports[service])) as client:
                    client.post("/admin", order, ADMIN_TIMEOUT_S)
                return
            except CallError:
                if time.monotonic() > until:
                    raise
            time.sleep(RETRY_S)

    def deploy(self, service: str, version: str, path: Path) -> None:
        """Let a service load a model, under a version."""
        self.admin(service, {"path": str(path), "version": version})
        self.versions[service], self.paths[service] = version, path

    def change(self, service: str, kind: str, ref: str) -> None:
        """Write an entry of topic `changes`, now."""
        self.changes.append({"service": service, "timestamp": iso(self.clock.now()), "type": kind, "ref": ref})

    def event(self, entity: str, metric: str, value: float = 1) -> None:
        """Write an event into topic `telemetry`, now; `entity` as `service/x` or `node/n`."""
        kind, _, name = entity.partition("/")
        at = iso(self.clock.now())
        self.events.append({"timestamp": at, kind: name, "metric": metric, "value": value, "kind": "event"})

    def prepare(self, service: str, name: str, shuffled: float, seed: int) -> Path:
        """Train a model before it is needed (never while measuring)."""
        path = self.path(service, name)
        training.save(training.train(service, shuffled, seed), path)
        return path

    def rewire(self, caller: str, callee: str, port: int | None) -> None:
        """Let a caller reach a service through another port, also after a restart; None: through its own again."""
        self.scene.upstreams[caller][callee] = self.ports[callee] if port is None else port
        self.admin(caller, {"upstreams": {callee: self.scene.upstreams[caller][callee]}})

    def pid(self, service: str) -> int:
        """Process id of a service, of the newest start."""
        return self.scene.services[service].process.pid

    def kill(self, service: str) -> None:
        """SIGKILL a service; the supervisor starts it again."""
        self.scene.services[service].process.kill()

    def confine(self, service: str, group: Path | None) -> None:
        """Put a service into a control group (its directory), also after restarts; None: back into the outermost."""
        before = self._groups.pop(service, None)
        if group is not None:
            self._groups[service] = group
            self._move(service, group)
        elif before is not None:
            self._move(service, before.parent)

    def _move(self, service: str, group: Path) -> None:
        with suppress(ProcessLookupError, FileNotFoundError):  # the process has died, or the fault is over already
            (group / "cgroup.procs").write_text(str(self.pid(service)))

    def load(self, order: dict[str, Any]) -> None:
        """Give the load generator an order."""
        self.scene.load.order(order)

    def sampler(self, order: dict[str, Any]) -> None:
        """Give the sampler an order."""
        self.scene.sampler.order(order)

    def _died(self, service: str) -> None:
        self.event(f"service/{service}", "service.restarts")

    def _restarted(self, service: str) -> None:
        self.sampler({"pids": {service: self.pid(service)}})
        if (group := self._groups.get(service)) is not None:
            self._move(service, group)

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
