"""Memory groups of the kernel, cgroup v1 or v2: a limit for processes, and the kernel's own count of whom it killed.

Sources: `Documentation/admin-guide/cgroup-v1/memory.rst` and `cgroup-v2.rst` of the Linux kernel. A process that is
moved into a group brings nothing along: what it held stays charged where it was, so a limit here is on what it takes
from then on.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/mounts")
SWAPS = Path("/proc/swaps")
#: The kernel lets go of a group a moment after its last process ended.
REMOVE_S = 5.0
RETRY_S = 0.05
TRIAL_BYTES = 64 << 20


@dataclass(frozen=True)
class Controller:
    """Where groups are made, and the names of their files: `limit`, `swap` (v1: memory and swap in all), `kills`."""

    mount: Path
    limit: str
    swap: str
    kills: str
    swap_counts_memory: bool


@dataclass(frozen=True)
class Group:
    """A group that exists: a directory whose `cgroup.procs` takes process ids."""

    path: Path
    controller: Controller

    def kills(self) -> int:
        """Read how many processes of the group the kernel has killed for want of memory."""
        lines = (self.path / self.controller.kills).read_text().splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])


def controller(mounts: str) -> Controller | None:
    """Find the memory controller in the text of /proc/mounts; None where there is none, or groups may not use it."""
    for line in mounts.splitlines():
        _, place, kind, options, *_ = line.split()
        mount = Path(place)
        if kind == "cgroup" and "memory" in options.split(","):
            return Controller(mount, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control", True)
        if kind == "cgroup2" and "memory" in (mount / "cgroup.subtree_control").read_text().split():
            return Controller(mount, "memory.max", "memory.swap.max", "memory.events", False)
    return None


def lacking() -> str:
    """Try it: answer what this machine lacks for a memory group ("": nothing)."""
    if controller(MOUNTS.read_text()) is None:
        return "a memory controller for control groups"
    try:
        with memory_group(TRIAL_BYTES) as group:
            swap_is_bounded = (group.path / group.controller.swap).exists()
    except OSError as error:
        return f"permission to make memory control groups, as root has it ({error.strerror})"
    swap_is_on = len(SWAPS.read_text().splitlines()) > 1
    return "a limit on swap for control groups" if swap_is_on and not swap_is_bounded else ""


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Group]:
    """Make a group with a limit on memory, swap included, and remove it at the end; OSError where that is refused.

    Processes that are still in it then go back to the outermost group.
    """
    found = controller(MOUNTS.read_text())
    if found is None:
        raise FileNotFoundError("no memory controller is mounted")
    path = Path(tempfile.mkdtemp(prefix="crosstide-lab-", dir=found.mount))
    try:
        (path / found.limit).write_text(str(limit_bytes))
        if (path / found.swap).exists():
            (path / found.swap).write_text(str(limit_bytes if found.swap_counts_memory else 0))
        yield Group(path, found)
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    until = time.monotonic() + REMOVE_S
    while True:
        for pid in (path / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                (path.parent / "cgroup.procs").write_text(pid)
        try:
            path.rmdir()
            return
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(RETRY_S)
