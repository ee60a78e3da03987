"""A standalone Flink cluster from the pip package's own scripts: one JobManager, one TaskManager, on the loopback."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from crosstide.cluster import processes
from crosstide.cluster.errors import ClusterError, tail
from crosstide.cluster.flink_conf import flink_environment, pyflink_home, write_conf
from crosstide.cluster.processes import Proc
from crosstide.cluster.rest import Rest
from crosstide.cluster.submit import submit

JOBMANAGER, TASKMANAGER = "jobmanager", "taskmanager"


@dataclass(frozen=True)
class FlinkCluster:
    """A started cluster: where its REST interface and web page are, and what runs."""

    run_dir: Path
    rest_port: int
    slots: int
    jobmanager: Proc
    taskmanager: Proc

    @property
    def home(self) -> Path:
        """Return the folder with the cluster's `conf`, `log`, `checkpoints` and `tmp`."""
        return self.run_dir / "flink"

    @property
    def url(self) -> str:
        """Return the address of the web page and the REST interface."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def rest(self) -> Rest:
        """Return the client for jobs that are there: wait, cancel, ask for exceptions."""
        return Rest(self.url)

    def submit(self, entry: Path, args: list[str], jars: list[Path], python: Path, cwd: Path) -> str:
        """Submit a PyFlink job with `flink run -d` from the folder `cwd` and return its job id (see `submit`)."""
        return submit(self.home / "conf", self.rest_port, entry, args, jars, python, cwd)

    def stop(self) -> None:
        """End both, the TaskManager first, and with them every Python worker, orphans too."""
        processes.stop([self.taskmanager])
        processes.stop([self.jobmanager])
        # the broker carries the same mark, so only what belongs to Python workers is taken here
        processes.stop(one for one in processes.left_behind(self.run_dir) if _is_worker(one))


def start(run_dir: Path, slots: int = 2, python: Path | None = None, deadline_s: float = 90.0) -> FlinkCluster:
    """Start a cluster in `run_dir` and return it when its slots are there.

    `python` is the interpreter for workers of jobs that name none. Raises ClusterError with the end of the logs when
    the slots are not there within `deadline_s` seconds.
    """
    cluster = launch(run_dir, slots, python)
    wait_ready(cluster, deadline_s)
    return cluster


def launch(run_dir: Path, slots: int = 2, python: Path | None = None) -> FlinkCluster:
    """Start both processes without waiting for them; logs of an earlier run in the folder are dropped."""
    run_dir = run_dir.resolve()
    home = run_dir / "flink"
    shutil.rmtree(home / "log", ignore_errors=True)
    for folder in ("conf", "log", "pid", "tmp", "checkpoints"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    rest_port, rpc_port = processes.free_ports(2)
    write_conf(home, rest_port, rpc_port, slots, python)
    started = [_spawn(name, run_dir) for name in (JOBMANAGER, TASKMANAGER)]
    return FlinkCluster(run_dir, rest_port, slots, started[0], started[1])


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


def _spawn(name: str, run_dir: Path) -> Proc:
    # in the foreground form the script becomes the JVM (exec), so the id we get is the JVM's
    command = ["bash", str(pyflink_home() / "bin" / f"{name}.sh"), "start-foreground"]
    home = run_dir / "flink"
    return processes.spawn(
        name, command, run_dir, home / "log" / f"{name}-script.out", flink_environment(home / "conf")
    )


def _is_worker(process: Proc) -> bool:
    return process.name.startswith(("python", "pyflink-udf", "bash", "tee"))
