"""What the kernel says of a service's process.

- `service.cpu.wait`: seconds per second that its threads were ready to run and had no core (run delay).
- `service.context_switches`: how often one of its threads was put on a core.

Both are the sums over its threads of /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst of the
kernel): what lies in /proc/PID, and what psutil reads there, is of the main thread alone, which only waits.
"""

import os
from collections.abc import Mapping

import psutil

from crosstide.lab.child import short
from crosstide.lab.flight import FlightReader
from crosstide.lab.readings import Growth

#: A process that goes while it is read shows as one of these.
_GONE = (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError)


class ProcessReader:
    """Readings of one service's process, and of its requests in flight."""

    def __init__(self, pid: int, flight: FlightReader) -> None:
        self._flight = flight
        self._growth = Growth()
        self._threads = Threads(pid)
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    def read(self, passed_s: float) -> dict[str, float]:
        """Read, `passed_s` after the last time; nothing where the process is gone."""
        if self._process is None:
            return {}
        try:
            found = self._read(self._process, passed_s)
        except _GONE:
            return {}
        depth = self._flight.average() if found else None
        return found if depth is None else found | {"service.queue_depth": short(depth)}

    def _read(self, process: psutil.Process, passed_s: float) -> dict[str, float]:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return {}
            times = process.cpu_times()
            self._threads.read()
            totals = {"service.cpu.utilization": times.user + times.system}
            levels: dict[str, float] = {
                "service.memory.rss_bytes": process.memory_info().rss,
                "service.threads": process.num_threads(),
                "service.open_files": process.num_fds(),
                "service.disk.write_bytes": process.io_counters().write_bytes,
            }
        if self._threads.known:
            totals["service.cpu.wait"] = self._threads.waited_ns / 1e9
            levels["service.context_switches"] = self._threads.runs
        return self._growth.of(totals, passed_s) | levels


class Threads:
    """Sums over all threads that a process has and had; what one did after its last reading is not known."""

    def __init__(self, pid: int) -> None:
        self._folder = f"/proc/{pid}/task"
        self._last: Mapping[str, tuple[int, int]] = {}
        self.known = False
        self.waited_ns, self.runs = 0, 0

    def read(self) -> None:
        """Add what happened since the last reading."""
        with os.scandir(self._folder) as threads:
            now = {thread.name: told for thread in threads if (told := _told(thread.path)) is not None}
        for thread, (waited_ns, runs) in now.items():
            before_ns, before = self._last.get(thread, (0, 0))
            if runs < before:  # the number was given to a new thread
                before_ns, before = 0, 0
            self.waited_ns += waited_ns - before_ns
            self.runs += runs - before
        self._last = now
        self.known |= bool(now)


def _told(folder: str) -> tuple[int, int] | None:
    """Read a thread's nanoseconds of waiting, and how often it was put on a core."""
    try:
        file = os.open(f"{folder}/schedstat", os.O_RDONLY)
    except OSError:  # it has ended meanwhile, or the kernel does not say
        return None
    try:
        _, waited_ns, runs = os.read(file, 100).split()
    except (OSError, ValueError):
        return None
    finally:
        os.close(file)
    return int(waited_ns), int(runs)
