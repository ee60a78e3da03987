"""docker-compose.yml brought up as it is, under a project name and ports of its own, and taken down again."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from crosstide.cluster.processes import free_ports
from tests.compose.client import Engine

FILE = Path(__file__).parent.parent.parent / "docker-compose.yml"
PROJECT = "crosstide-test"
_LABEL = f"label=com.docker.compose.project={PROJECT}"
#: Whose state is "healthy" when all is well; `topics` ends, and grafana is in a profile: it has no stand-in image.
HEALTHY = {"kafka", "jobmanager", "taskmanager", "metrics", "prometheus"}
_PORTS = ("KAFKA", "FLINK", "METRICS", "PROMETHEUS", "GRAFANA")
_open = build_opener(ProxyHandler({})).open


@dataclass(frozen=True)
class Stack:
    """The running services: `ports` on the loopback by name, as `KAFKA`."""

    engine: Engine
    settings: dict[str, str]
    ports: dict[str, int]

    def compose(self, *words: str, check: bool = True) -> str:
        """Run compose on the file."""
        return self.engine.run(*self.engine.compose, "-f", str(FILE), "-p", PROJECT, *words,
                               more=self.settings, check=check)  # fmt: skip

    def get(self, port: str, path: str) -> Any:
        """Return the decoded answer of a service. Raises OSError."""
        with _open(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def query(self, expression: str) -> list[float]:
        """Return the values that Prometheus has now for an expression."""
        answer = self.get("PROMETHEUS", f"/api/v1/query?query={quote(expression)}")
        return [float(one["value"][1]) for one in answer["data"]["result"]]

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.engine.run("docker", "ps", "-aq", "--filter", _LABEL, "--filter",
                               f"label=com.docker.compose.service={service}").strip()  # fmt: skip

    def states(self) -> dict[str, str]:
        """Return service -> what the engine says of it."""
        shown = '{{.Label "com.docker.compose.service"}} {{.Status}}'
        told = self.engine.run("docker", "ps", "-a", "--filter", _LABEL, "--format", shown)
        return dict(line.split(" ", 1) for line in told.splitlines())

    def healthy(self) -> bool:
        """Tell whether every service is."""
        return {name for name, state in self.states().items() if "(healthy)" in state} >= HEALTHY

    def checkpoints(self) -> int:
        """Return how many checkpoints the running job has completed, 0 while none runs."""
        jobs = [job for job in self.get("FLINK", "/jobs/overview")["jobs"] if job["state"] == "RUNNING"]
        if not jobs or jobs[0]["tasks"]["running"] < jobs[0]["tasks"]["total"]:
            return 0
        return int(self.get("FLINK", f"/jobs/{jobs[0]['jid']}/checkpoints")["counts"]["completed"])

    def kill(self, service: str) -> None:
        """SIGKILL the first process of a service's container; returns when its restart policy has brought it back."""
        container = self.container(service)
        before = self._started(container)
        try:
            os.kill(int(self.engine.run("docker", "inspect", "-f", "{{.State.Pid}}", container)), signal.SIGKILL)
        except PermissionError:
            # not our process: the engine kills it, and does not restart what it was told to kill
            self.engine.run("docker", "kill", "-s", "KILL", container)
            self.engine.run("docker", "start", container)
        wait_for(lambda: self._started(container) not in ("", before), 60, lambda: f"{service} did not come back")

    def _started(self, container: str) -> str:
        """Return when a container was started, nothing while it does not run."""
        shown = "{{if .State.Running}}{{.State.StartedAt}}{{end}}"
        return self.engine.run("docker", "inspect", "-f", shown, container).strip()

    def left(self) -> list[str]:
        """Return what is left of the project: containers, networks, volumes."""
        kinds = (("ps", "-a"), ("network", "ls"), ("volume", "ls"))
        return [line for kind in kinds for line in self.engine.run("docker", *kind, "-q", "--filter", _LABEL).split()]


@contextmanager
def stack(engine: Engine, data: Path, arguments: str) -> Iterator[Stack]:
    """Build and start the file's services on `data`; takes them down at the end, volumes too."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    settings = {f"CROSSTIDE_{name}_PORT": str(port) for name, port in ports.items()}
    found = Stack(engine, {**settings, "CROSSTIDE_DATA": str(data), "CROSSTIDE_ARGUMENTS": arguments}, ports)
    # of a test that was killed
    found.compose("down", "-v", "-t", "5", check=False)
    try:
        print("building the image (minutes the first time)", flush=True)
        found.compose("build")
        print("starting all but grafana, which has no stand-in image", flush=True)
        found.compose("up", "-d")
        yield found
    except BaseException:
        print(found.states(), found.compose("logs", "--no-color", "--tail=60", check=False), sep="\n")
        raise
    finally:
        found.compose("down", "-v", "-t", "10", check=False)


def wait_for(done: Callable[[], bool], deadline_s: float, otherwise: Callable[[], object]) -> None:
    """Return when `done` says so; raises AssertionError at the deadline. What does not answer yet is not done."""
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            if done():
                return
            told = ""
        except OSError as error:
            told = f" ({error})"
        assert time.monotonic() < deadline, f"{otherwise()}{told}"
        time.sleep(2)


def prepared(folder: Path, recording: Path, artifacts: Path) -> Path:
    """Return a folder as a user would mount it at /data: topology and artifacts, readable by the containers' user."""
    shutil.copy(recording / "topology.yaml", folder)
    shutil.copytree(artifacts, folder / "artifacts")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder
