"""What the kernel says of a core, and of the whole machine.

- `node.cpu.utilization`: share of time the node's own core was busy (/proc/stat).
- `node.cpu.wait`: seconds per second that tasks were ready to run and waited for that core (/proc/schedstat, there
  only in kernels built with CONFIG_SCHEDSTATS; otherwise the metric is missing).
- `node.cpu.pressure`, `node.memory.pressure`, `node.io.pressure`: share of time in which some task was stalled
  (/proc/pressure, "some": Documentation/accounting/psi.rst of the kernel). They, and memory, context switches, disk
  and network, exist once per machine.
"""

from pathlib import Path
from typing import Any

import psutil

from crosstide.lab.child import short
from crosstide.lab.readings import Growth

PRESSURE = Path("/proc/pressure")
SCHEDSTAT = Path("/proc/schedstat")
_STALLS = ("cpu", "memory", "io")


class MachineReader:
    """Readings that exist once per machine: every node carries the same."""

    def __init__(self) -> None:
        self._growth = Growth()

    def read(self, passed_s: float) -> dict[str, float]:
        """Read, `passed_s` after the last time."""
        stalled = {f"node.{what}.pressure": total for what in _STALLS if (total := stalled_s(what)) is not None}
        # the kernel's clock and ours differ by microseconds: a share is never above 1
        shares = {name: min(1.0, share) for name, share in self._growth.of(stalled, passed_s).items()}
        return shares | _levels() | _disk()


class CoreReader:
    """Readings of one core, the node's own."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._growth = Growth()
        self._times = (0.0, 0.0)

    def read(self, passed_s: float) -> dict[str, float]:
        """Read, `passed_s` after the last time; utilization begins with the second reading."""
        then, self._times = self._times, core_times(psutil.cpu_times(percpu=True)[self._core])
        busy, whole = (now - before for now, before in zip(self._times, then, strict=True))
        found = {"node.cpu.utilization": short(max(0.0, busy / whole))} if then[1] and whole > 0 else {}
        waited = waited_s(self._core)
        return found | self._growth.of({} if waited is None else {"node.cpu.wait": waited}, passed_s)


def core_times(times: Any) -> tuple[float, float]:
    """Seconds a core was busy, and seconds in all; guest time is already part of user time."""
    whole = times.user + times.nice + times.system + times.idle + times.iowait + times.irq + times.softirq + times.steal
    return whole - times.idle - times.iowait, whole


def stalled_s(what: str) -> float | None:
    """Seconds in which some task was stalled for `cpu`, `memory` or `io`; None where the kernel does not say."""
    try:
        some = (PRESSURE / what).read_text().splitlines()[0]
    except OSError:
        return None
    return int(some.rpartition("total=")[2]) / 1e6


def waited_s(core: int) -> float | None:
    """Seconds that tasks waited for a core; None where the kernel does not say.

    The eighth number of a core's line (Documentation/scheduler/sched-stats.rst of the kernel, versions 15 to 17).
    """
    try:
        lines = SCHEDSTAT.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[8]) / 1e9 for line in lines if line.startswith(f"cpu{core} ")), None)


def _levels() -> dict[str, float]:
    return {
        "node.memory.utilization": short(psutil.virtual_memory().percent / 100),
        "node.context_switches": psutil.cpu_stats().ctx_switches,
        "node.network.sent_bytes": psutil.net_io_counters().bytes_sent,
    }


def _disk() -> dict[str, float]:
    disk = psutil.disk_io_counters()
    if disk is None:  # a machine without a disk of its own
        return {}
    return {"node.disk.write_bytes": disk.write_bytes, "node.disk.io_time": disk.busy_time / 1000}
