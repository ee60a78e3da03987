"""Starts a JVM again by the very command that it ran with.

Flink's scripts start two more JVMs before it, to read settings and to share out memory; when something has died, their
seconds are an outage.
"""

from dataclasses import dataclass
from pathlib import Path

import psutil

from crosstide.cluster.flink import spawn, spawn_as
from crosstide.cluster.processes import Proc


@dataclass(frozen=True)
class _Command:
    pid: int
    words: list[str]
    environment: dict[str, str]


class Commands:
    """Remembers commands of living processes, by their names; used by one thread."""

    def __init__(self) -> None:
        self._known: dict[str, _Command] = {}

    def note(self, process: Proc) -> None:
        """Remember how a process runs, once its script has become the JVM."""
        known = self._known.get(process.name)
        if known is not None and known.pid == process.pid:
            return
        try:
            found = psutil.Process(process.pid)
            if found.name() == "java":
                self._known[process.name] = _Command(process.pid, found.cmdline(), found.environ())
        except psutil.Error:
            return  # gone meanwhile: what is known already stays

    def again(self, name: str, run_dir: Path) -> Proc:
        """Start one of Flink's two processes again: as it ran, else by Flink's script."""
        known = self._known.get(name)
        if known is None:
            return spawn(name, run_dir)
        return spawn_as(name, known.words, run_dir, known.environment)
