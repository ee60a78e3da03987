"""A standalone Flink cluster from the pip package's own scripts: one JobManager, one TaskManager, on the loopback."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crosstide.cluster import processes
from crosstide.cluster.errors import ClusterError, tail
from crosstide.cluster.flink_conf import Ports, flink_environment, pyflink_home, write_conf
from crosstide.cluster.flink_lib import link_jars
from crosstide.cluster.processes import Proc
from crosstide.cluster.reaper import is_worker
from crosstide.cluster.rest import Rest
from crosstide.cluster.submit import Submission, submit

JOBMANAGER, TASKMANAGER = "jobmanager", "taskmanager"


@dataclass(frozen=True)
class FlinkCluster:
    """A started cluster: where its REST interface and web page are, and what runs."""

    run_dir: Path
    rest_port: int
    slots: int
    jobmanager: Proc
    taskmanager: Proc
    metrics_ports: tuple[int, int] = (0, 0)

    @property
    def home(self) -> Path:
        """Return the folder with the cluster's `conf`, `lib`, `log`, `checkpoints`, `savepoints` and `tmp`."""
        return self.run_dir / "flink"

    @property
    def url(self) -> str:
        """Return the address of the web page and the REST interface."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def rest(self) -> Rest:
        """Return the client for jobs that are there: wait, cancel, ask for exceptions."""
        return Rest(self.url)

    def submit(self, what: Submission, cwd: Path) -> str:
        """Submit a PyFlink job with `flink run -d` from the folder `cwd` and return its job id (see `submit`)."""
        return submit(self.home / "conf", f"127.0.0.1:{self.rest_port}", what, cwd)

    def with_process(self, name: str, process: Proc) -> "FlinkCluster":
        """Return the cluster with one of its two processes replaced by another."""
        return replace(self, jobmanager=process) if name == JOBMANAGER else replace(self, taskmanager=process)

    def stop(self) -> None:
        """End both, the TaskManager first, and with them every Python worker, orphans too."""
        processes.stop([self.taskmanager])
        processes.stop([self.jobmanager])
        # the broker carries the same mark, so only what belongs to Python workers is taken here
        processes.stop(one for one in processes.left_behind(self.run_dir) if is_worker(one))


def start(
    run_dir: Path,
    slots: int = 2,
    python: Path | None = None,
    deadline_s: float = 90.0,
    settings: Mapping[str, Any] | None = None,
) -> FlinkCluster:
    """Start a cluster in `run_dir` and return it when its slots are there.

    `python` is the interpreter for workers of jobs that name none. Raises ClusterError with the end of the logs when
    the slots are not there within `deadline_s` seconds.
    """
    cluster = launch(run_dir, slots, python, settings=settings)
    wait_ready(cluster, deadline_s)
    return cluster


def launch(
    run_dir: Path,
    slots: int = 2,
    python: Path | None = None,
    metrics: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> FlinkCluster:
    """Start both processes without waiting for them; logs of an earlier run in the folder are dropped.

    `metrics`: Flink's Prometheus reporter too, which listens on every interface. `settings` override our own.
    """
    run_dir = run_dir.resolve()
    home = run_dir / "flink"
    shutil.rmtree(home / "log", ignore_errors=True)
    for folder in ("conf", "log", "pid", "tmp", "checkpoints", "savepoints"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    link_jars(home)
    rest_port, rpc_port, *reporter = processes.free_ports(4)
    ports = Ports(rest_port, rpc_port, (reporter[0], reporter[1]) if metrics else (0, 0))
    write_conf(home, ports, slots, python, dict(settings or {}))
    started = [spawn(name, run_dir) for name in (JOBMANAGER, TASKMANAGER)]
    return FlinkCluster(run_dir, rest_port, slots, started[0], started[1], ports.metrics)


def wait_ready(cluster: FlinkCluster, deadline_s: float = 90.0) -> None:
    """Return when the REST interface shows the slots; raises ClusterError with the end of the logs otherwise."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline and cluster.jobmanager.alive() and cluster.taskmanager.alive():
        if cluster.rest.slots() >= cluster.slots:
            return
        time.sleep(0.2)
    logs = sorted((cluster.home / "log").iterdir())
    cluster.stop()
    ends = "\n".join(f"--- {log.name}\n{tail(log)}" for log in logs if log.stat().st_size)
    raise ClusterError(f"Flink had no {cluster.slots} slots within {deadline_s:.0f} s; its logs end:\n{ends}")


def spawn(name: str, run_dir: Path) -> Proc:
    """Start one of the two processes with the configuration that lies in the run folder."""
    # in the foreground form the script becomes the JVM (exec), so the id we get is the JVM's
    command = ["bash", str(pyflink_home() / "bin" / f"{name}.sh"), "start-foreground"]
    return spawn_as(name, command, run_dir, flink_environment(run_dir / "flink" / "conf"))


def spawn_as(name: str, command: list[str], run_dir: Path, environment: Mapping[str, str]) -> Proc:
    """Start one of the two processes by a command of its own; what it prints goes where its script's output goes."""
    return processes.spawn(name, command, run_dir, run_dir / "flink" / "log" / f"{name}-script.out", environment)
