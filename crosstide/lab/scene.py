"""The processes of the lab, in the order in which they start and hand over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstide.lab import files, training
from crosstide.lab.children import Child, Children
from crosstide.lab.clock import Clock
from crosstide.lab.cores import UNPERMITTED, Layout
from crosstide.lab.scoring import TIMEOUTS_S
from crosstide.lab.shop import CALLS, JOURNALED, MODELS, NODES

FIRST_VERSION = "1.0.0"


@dataclass
class Scene:
    """Four model services, the feature store, the load generator and the sampler, each a process of its own.

    `folder` is in memory where the system has such a place (records), `scratch` on the disk (journals).
    """

    children: Children
    clock: Clock
    layout: Layout
    folder: Path
    scratch: Path

    def __post_init__(self) -> None:
        self.services: dict[str, Child] = {}
        self.ports: dict[str, int] = {}
        #: what each model service runs and whom it calls: where a restart takes up again
        self.versions = dict.fromkeys(MODELS, FIRST_VERSION)
        self.paths = {name: self.folder / f"{name}-{FIRST_VERSION}.skops" for name in MODELS}
        self.upstreams: dict[str, dict[str, int]] = {}

    def start_services(self) -> None:
        """Train the models and start the services."""
        for name in NODES:
            if name in MODELS:
                training.save(training.train(name), self.paths[name])
                self.upstreams[name] = {callee: self.ports[callee] for callee in CALLS[name]}
            self.start_service(name)

    def start_service(self, name: str) -> None:
        """Start a service, for the first time or again: on the port it had, with the model it had."""
        spec = {"name": name, "core": self.layout.nodes[NODES[name]], "port": self.ports.get(name, 0)}
        if name in MODELS:
            journal = str(self.scratch / f"{name}.journal") if name in JOURNALED else None
            spec |= {"path": str(self.paths[name]), "version": self.versions[name], "journal": journal}
            spec |= {"upstreams": self.upstreams[name]}
        else:
            spec |= {"services": MODELS}
        module = "service" if name in MODELS else "store"
        self.services[name] = self._start(name, module, spec, supervised=True)
        self.ports[name] = int(self.services[name].said["port"])

    def start_tools(self, seconds: float | None, rates: dict[str, float], seed: int) -> None:
        """Start load generator (for so many seconds, or without end) and sampler; both wait for `go`."""
        pids = {name: child.process.pid for name, child in self.services.items()}
        load = {"seconds": seconds, "rates": rates, "seed": seed, "ports": self.ports, "timeouts_s": TIMEOUTS_S}
        self.load = self._start("load", "load", load | {"failures": self._file("load", "failures")})
        readings = {"nodes": self.layout.nodes, "services": pids, "records": self._file("sampler", "records")}
        self.sampler = self._start("sampler", "sampler", readings)

    @property
    def priorities(self) -> dict[str, str]:
        """How generator and sampler are kept ahead of what they measure."""
        return {child.name: child.said["priority"] for child in (self.load, self.sampler)}

    @property
    def disturbed(self) -> bool:
        """Whether a busy core may delay the generator itself."""
        return not self.layout.tools and UNPERMITTED in self.priorities.values()

    def go(self, begin_s: float) -> None:
        """Let load and sampling begin at a time of the monotonic clock."""
        for tool in (self.load, self.sampler):
            tool.go(begin_s)

    def finish(self) -> dict[str, list[dict[str, Any]]]:
        """End all processes, callers first, and collect their records by topic (neither cut nor sorted)."""
        for child in [self.load, self.sampler, *reversed(self.services.values())]:
            child.finish()
            self.children.forget(child)
        answered = [record for name in MODELS for record in self.read(name, "records")]
        unanswered = [record for name in ("load", *MODELS) for record in self.read(name, "failures")]
        labels = [record for name in MODELS for record in self.read(name, "labels")]
        telemetry = self.read("sampler", "records")
        return {"model-outputs": files.merge(answered, unanswered), "telemetry": telemetry, "labels": labels}

    def read(self, name: str, what: str) -> list[dict[str, Any]]:
        """Read the records that a process has written so far."""
        path = Path(self._file(name, what))
        return files.read(path) if path.exists() else []

    def _start(self, name: str, module: str, spec: dict[str, Any], supervised: bool = False) -> Child:
        shared = {"offset_s": self.clock.offset_s, "cores": list(self.layout.tools)}
        return self.children.module(name, module, shared | {"folder": str(self.folder)} | spec, supervised)

    def _file(self, name: str, what: str) -> str:
        return str(self.folder / f"{name}.{what}")
