"""The processes of a recording: started, watched, and none left behind."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PACKAGE_HOME = Path(__file__).resolve().parents[2]
STOP_S = 15.0


class ChildFailedError(RuntimeError):
    """A process of the lab ended before its time."""


class Child:
    """A running process of the lab: `said` is what it announced when it was ready (see `child.announce`).

    One that is `supervised` may die: its supervisor sees to it.
    """

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", errors: Path, supervised: bool) -> None:
        self.name = name
        self.process = process
        self.supervised = supervised
        self.said: dict[str, Any] = {}
        self._errors = errors

    def hear(self) -> None:
        """Wait until the process is ready; ChildFailedError where it ends instead."""
        line = self.process.stdout.readline() if self.process.stdout else b""
        if not line:
            raise self.failed()
        self.said = json.loads(line)

    def go(self, begin_s: float) -> None:
        """Tell the process to begin at a time of the monotonic clock."""
        self._tell(f"{begin_s!r}\n")

    def order(self, order: dict[str, Any]) -> None:
        """Give an order to a process that listens (see `child.orders`)."""
        self._tell(f"{json.dumps(order)}\n")

    def _tell(self, line: str) -> None:
        if self.process.stdin:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()

    def finish(self) -> None:
        """Ask the process to hand over and end, and wait for that; ChildFailedError where it does not."""
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise ChildFailedError(f"{self.name} did not end within {STOP_S:g} s") from None
        if code != 0:
            raise self.failed()

    def failed(self) -> ChildFailedError:
        """Say how the process ended, with the end of what it complained."""
        text = self._errors.read_text(errors="replace").strip()[-2000:]
        return ChildFailedError(f"{self.name} ended with exit code {self.process.wait(STOP_S)}\n{text}")


class Children:
    """All processes of one recording. Leaving the context kills and reaps whatever still runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[Child] = []
        self._started = 0
        self._lock = threading.Lock()  # supervisor and faults both start and end processes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in list(self._all):
            self.kill(child)

    def module(self, name: str, module: str, spec: dict[str, Any], supervised: bool = False) -> Child:
        """Start `python -m crosstide.lab.MODULE` with its settings, and wait until it is ready."""
        spec = {"parent": os.getpid()} | spec
        child = self.start(name, ["-m", f"crosstide.lab.{module}", json.dumps(spec)], supervised)
        child.hear()
        return child

    def start(self, name: str, arguments: list[str], supervised: bool = False) -> Child:
        """Start a Python process, in a process group of its own so that Ctrl-C reaches the recorder alone."""
        with self._lock:
            self._started += 1
            errors = self._folder / f"{name}-{self._started}.err"
        # one thread in numeric libraries; only our own package on the path, whatever folder we were started in
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": str(PACKAGE_HOME),
        }
        with errors.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-P", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=environment,
                process_group=0,
            )
        child = Child(name, process, errors, supervised)
        with self._lock:
            self._all.append(child)
        return child

    def check(self) -> None:
        """ChildFailedError if a process that should be running has ended."""
        for child in list(self._all):
            if not child.supervised and child.process.poll() is not None:
                raise child.failed()

    def kill(self, child: Child) -> None:
        """End a process at once and reap it; it is no longer expected to run."""
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait()
        self.forget(child)

    def forget(self, child: Child) -> None:
        """Close the pipes of a process that has ended, and no longer watch it."""
        with self._lock:
            self._all = [c for c in self._all if c is not child]
        for pipe in (child.process.stdin, child.process.stdout):
            if pipe is not None:
                pipe.close()
