"""Start, name and stop processes by id; find again what they left behind.

Every process carries the run folder in its environment (`CROSSTIDE_RUN`). Flink's Python workers inherit it, so they
can be found even after a killed TaskManager has left them to process 1.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "CROSSTIDE_RUN"
#: Tells whoever looks on, a line at a time.
Say = Callable[[str], None]
# Popen objects of our own children: kept so that they can be reaped, and no zombie is taken for a living process
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Proc:
    """A process as a state file can name it: its id alone could be reused, with its start time it cannot."""

    name: str
    pid: int
    created: float

    def alive(self) -> bool:
        """Say whether this very process still runs (a zombie does not)."""
        child = _children.get(self.pid)
        if child is not None and child.returncode is None:
            # only when reaped: a JVM's first thread shows as a zombie while the others still end
            return child.poll() is None
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def spawn(name: str, command: list[str], run_dir: Path, log: Path, env: Mapping[str, str] | None = None) -> Proc:
    """Start a process in its own session with `run_dir` as its folder, writing to `log`.

    The folder matters: `python -m` puts it first on `sys.path`, and a worker started in the checkout would import
    the checkout instead of the installed wheel. For the same reason PYTHONPATH is not handed on.
    """
    environment = {**clean_environment(), **(env or {}), MARK: str(run_dir.resolve())}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            cwd=run_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    _children[child.pid] = child
    return Proc(name, child.pid, psutil.Process(child.pid).create_time())


def clean_environment() -> dict[str, str]:
    """Return our environment without what would change which Python code or Flink settings a process loads."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "FLINK_", "PYFLINK_", "HADOOP_")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def left_behind(run_dir: Path) -> list[Proc]:
    """Return every living process that carries this run folder's mark, ourselves and what we cannot see excepted."""
    wanted = str(run_dir.resolve())
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(MARK) == wanted:
                found.append(Proc(process.name(), process.pid, process.create_time()))
        except psutil.Error:
            continue
    return found


def stop(processes: Iterable[Proc], grace_s: float = 15.0) -> None:
    """Ask each process to end, wait up to `grace_s` seconds for all of them together, then kill what is left."""
    living = [process for process in processes if process.alive()]
    _signal(living, signal.SIGTERM)
    living = _wait_gone(living, grace_s)
    _signal(living, signal.SIGKILL)
    _wait_gone(living, 5.0)


def free_ports(count: int) -> list[int]:
    """Return `count` different loopback ports that nothing listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def listens(host: str, port: int) -> bool:
    """Tell whether somebody takes connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _signal(processes: list[Proc], number: signal.Signals) -> None:
    for process in processes:
        if process.alive():
            os.kill(process.pid, number)


def _wait_gone(processes: list[Proc], seconds: float) -> list[Proc]:
    deadline = time.monotonic() + seconds
    living = [process for process in processes if process.alive()]
    while living and time.monotonic() < deadline:
        time.sleep(0.05)
        living = [process for process in living if process.alive()]
    return living
