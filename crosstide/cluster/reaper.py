"""Python workers whose TaskManager was killed live on with process 1 for a parent, some 200 MB each: they are ended."""

from pathlib import Path

import psutil

from crosstide.cluster import processes
from crosstide.cluster.processes import Proc

_NAMES = ("python", "pyflink-udf", "bash", "tee")
#: What the command lines of Flink's Python workers, of the script that starts them, and of its `tee` have in common.
_COMMANDS = ("pyflink.fn_execution", "pyflink-udf-runner", "flink-python-udf")


def is_worker(process: Proc) -> bool:
    """Tell whether a marked process is a Python worker, or a part of what starts one."""
    return process.name.startswith(_NAMES) and any(part in _command(process.pid) for part in _COMMANDS)


def orphans(run_dir: Path) -> list[Proc]:
    """Return the Python workers of this run folder that no Java process is a forebear of any more."""
    return [one for one in processes.left_behind(run_dir) if is_worker(one) and not _has_java(one.pid)]


def reap(run_dir: Path) -> list[Proc]:
    """End them, at once: nobody takes their answers; returns those that were there."""
    found = orphans(run_dir)
    processes.stop(found, grace_s=0)
    return found


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _has_java(pid: int) -> bool:
    try:
        return any(parent.name() == "java" for parent in psutil.Process(pid).parents())
    except psutil.Error:
        # gone meanwhile, or so new that it cannot be asked: not ours to judge now
        return True
