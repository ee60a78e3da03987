"""A container engine of our own: started for the test, its images kept in the cache folder, ended by process id."""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from crosstide.cluster.places import cache
from tests.compose.client import Engine, NoEngineError, compose_words
from tests.compose.images import SOURCES

#: Program -> Debian's package of it.
TOOLS = {"dockerd": "docker.io", "docker-compose": "docker-compose", "debootstrap": "debootstrap"}
_PACKAGES = Path(__file__).parent.parent.parent / ".ci" / "system-packages"


@contextmanager
def own_engine() -> Iterator[Engine]:
    """Start a daemon of our own, and end it: root on a Debian machine is enough, no systemd is needed."""
    if os.geteuid() != 0 or not SOURCES.is_file():
        raise NoEngineError("no container engine answers here, and one is only started by root on Debian")
    _install()
    home = cache() / "compose" / "engine"
    home.mkdir(parents=True, exist_ok=True)
    # sockets have short names, and the cache may lie deep; only root writes here
    run_dir = Path("/run") / f"crosstide-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NoEngineError(f"another test runs containers with {home}") from None
        _end_leftover(run_dir)
        had_bridge = Path("/sys/class/net/docker0").exists()
        daemon = _spawn(home, run_dir)
        try:
            yield _answering(daemon, run_dir, home / "dockerd.log")
        finally:
            _end(daemon)
            shutil.rmtree(run_dir, ignore_errors=True)
            if not had_bridge:
                subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True)


def _spawn(home: Path, run_dir: Path) -> psutil.Popen:
    run_dir.mkdir(mode=0o700, exist_ok=True)
    command = ["dockerd", "-H", f"unix://{run_dir}/docker.sock", "--data-root", str(home / "data"),
               "--exec-root", str(run_dir / "exec"), "-p", str(run_dir / "docker.pid")]  # fmt: skip
    with (home / "dockerd.log").open("wb") as out:
        return psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)


def _answering(daemon: psutil.Popen, run_dir: Path, log: Path) -> Engine:
    # Debian's own client before any other; its plain builder, for which no plugin is missing
    path = f"/usr/bin:/usr/sbin:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DOCKER_HOST": f"unix://{run_dir}/docker.sock",
                   "COMPOSE_DOCKER_CLI_BUILD": "0", "DOCKER_BUILDKIT": "0"}  # fmt: skip
    found = Engine(environment, compose_words(environment) or [], str(run_dir))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and daemon.poll() is None:
        with suppress(AssertionError, subprocess.TimeoutExpired):
            found.run("docker", "version", timeout=10)
            return found
        time.sleep(0.5)
    raise NoEngineError(f"dockerd does not start here: {log.read_text(errors='replace')[-800:]}")


def _end_leftover(run_dir: Path) -> None:
    """End the daemon of a test that was killed: it is the one whose id lies in our folder."""
    with suppress(OSError, ValueError, psutil.NoSuchProcess):
        left = psutil.Process(int((run_dir / "docker.pid").read_text()))
        if left.name() == "dockerd":
            _end(left)


def _end(daemon: psutil.Process) -> None:
    """End a daemon and all that it started."""
    with suppress(psutil.NoSuchProcess):
        children = daemon.children(recursive=True)
        daemon.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs([daemon, *children], timeout=30)
        for process in left:
            process.kill()


def _install() -> None:
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        done = subprocess.run(["sh", str(_PACKAGES), *missing],
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode != 0:
            raise NoEngineError(done.stderr.strip()[-500:])
