"""The processes of a recording, in the order in which they start and hand over."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstide.lab import files, training
from crosstide.lab.children import Child, Children
from crosstide.lab.clock import Clock
from crosstide.lab.cores import UNPERMITTED, Layout
from crosstide.lab.stage import FIRST_VERSION

#: service -> node, callee first
NODES = {"fraud": "n2", "checkout": "n1"}
UPSTREAM = {"checkout": "fraud"}
#: How long a caller waits for an answer.
TIMEOUTS_S = {"checkout": 3.0, "fraud": 1.5}


@dataclass
class Scene:
    """Two services, the load generator and the sampler, each a process of its own."""

    children: Children
    clock: Clock
    layout: Layout
    folder: Path

    def __post_init__(self) -> None:
        self.services: dict[str, Child] = {}
        self.tools: list[Child] = []

    def start_services(self) -> dict[str, int]:
        """Train the models and start the services; answers their ports."""
        for name, node in NODES.items():
            path = self.folder / f"{name}-{FIRST_VERSION}.skops"
            training.save(training.train(name), path)
            upstream = UPSTREAM.get(name, "")
            self.services[name] = self._start(
                name,
                "service",
                name=name,
                core=self.layout.nodes[node],
                path=str(path),
                version=FIRST_VERSION,
                records=self._file(name, "records"),
                upstream_name=upstream,
                upstream_port=self.services[upstream].said["port"] if upstream else None,
                upstream_timeout_s=TIMEOUTS_S["fraud"],
            )
        return {name: int(child.said["port"]) for name, child in self.services.items()}

    def start_tools(self, seconds: float, rates: dict[str, float], seed: int) -> None:
        """Start load generator (for so many seconds) and sampler; both wait for `go`."""
        ports = {name: child.said["port"] for name, child in self.services.items()}
        pids = {name: child.process.pid for name, child in self.services.items()}
        load = {"seconds": seconds, "rates": rates, "seed": seed, "ports": ports, "timeouts_s": TIMEOUTS_S}
        sampler = {"nodes": self.layout.nodes, "services": pids, "records": self._file("sampler", "records")}
        self.tools = [self._start("load", "load", **load), self._start("sampler", "sampler", **sampler)]

    @property
    def priorities(self) -> dict[str, str]:
        """How generator and sampler are kept ahead of what they measure."""
        return {child.name: child.said["priority"] for child in self.tools}

    @property
    def disturbed(self) -> bool:
        """Whether a busy core may delay the generator itself."""
        return not self.layout.tools and UNPERMITTED in self.priorities.values()

    def go(self, begin_s: float) -> None:
        """Let load and sampling begin at a time of the monotonic clock."""
        for tool in self.tools:
            tool.go(begin_s)

    def finish(self) -> dict[str, list[dict[str, Any]]]:
        """End all processes, callers first, and collect their records by topic (neither cut nor sorted)."""
        for child in [*self.tools, *reversed(self.services.values())]:
            child.finish()
            self.children.forget(child)
        answered = [r for name in self.services for r in files.read(Path(self._file(name, "records")))]
        callers = ["load", *self.services]
        unanswered = [r for name in callers for r in files.read(Path(self._file(name, "failures")))]
        telemetry = files.read(Path(self._file("sampler", "records")))
        return {"model-outputs": files.merge(answered, unanswered), "telemetry": telemetry}

    def _start(self, name: str, module: str, /, **spec: Any) -> Child:
        shared = {"parent": os.getpid(), "offset_s": self.clock.offset_s, "cores": list(self.layout.tools)}
        return self.children.module(name, module, shared | {"failures": self._file(name, "failures")} | spec)

    def _file(self, name: str, what: str) -> str:
        return str(self.folder / f"{name}.{what}")
