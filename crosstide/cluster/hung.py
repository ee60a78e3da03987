"""Ends what lives but does not answer, so that it is started again: who hangs is worse than who has died."""

import os
import signal
import time

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.processes import Proc, Say
from crosstide.cluster.state import State

#: Seconds. Flink lets a TaskManager go after 15 s of silence; one that was only held up is back long before this.
PATIENCE_S = 120.0


class Hung:
    """Remembers since when a process has been silent; used by one thread."""

    def __init__(self, say: Say, patience_s: float = PATIENCE_S) -> None:
        self._say, self._patience_s = say, patience_s
        self._silent: dict[Proc, float] = {}

    def look(self, state: State) -> None:
        """Look once; SIGKILL a JobManager that has not answered for too long, or a TaskManager that it does not see."""
        slots: int | None
        try:
            slots = int(state.flink.rest.get("/overview")["slots-total"])
        except ClusterError:
            slots = None
        self._judge(state.flink.jobmanager, slots is not None)
        # a TaskManager is known by its JobManager only: while that one is silent, nothing can be said
        self._judge(state.flink.taskmanager, slots != 0)

    def _judge(self, process: Proc, well: bool) -> None:
        if well or not process.alive():
            self._silent.pop(process, None)
            return
        since = self._silent.setdefault(process, time.monotonic())
        if time.monotonic() - since > self._patience_s:
            self._say(f"{process.name} ({process.pid}) has not answered for {self._patience_s:.0f} s: ending it")
            os.kill(process.pid, signal.SIGKILL)
