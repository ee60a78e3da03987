"""`recording.json`: how a recording was made, and what it does not hold."""

import os
import platform
from importlib.metadata import version
from typing import Any

from crosstide.lab.readings_gpu import gpus
from crosstide.lab.readings_node import SCHEDSTAT, stalled_s

LEFT_OUT = {
    "labels": "a label comes 20 to 40 s after its answer: those due after the end are missing",
    "warm-up": "requests of the first seconds, while connections and caches settle",
    "node readings of their own": "memory, pressure, context switches, disk and network exist once per machine: both "
    "nodes carry the same reading; only node.cpu.utilization and node.cpu.wait are the core's own",
}
ROUNDING = "four significant digits, counters exact; timestamps of model outputs are the time of the answer"


def notes(
    command: str,
    seed: int,
    minutes: float,
    rates: dict[str, float],
    pinning: str,
    priorities: dict[str, str],
    records: dict[str, dict[str, int]],
) -> dict[str, Any]:
    """Write the notes; `records` counts them by topic and service (or node)."""
    packages = ("crosstide", "scikit-learn", "numpy", "psutil", "skops")
    return {
        "schema_version": 1,
        "command": command,
        "seed": seed,
        "minutes": minutes,
        "requests_per_second": rates,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in packages},
        "machine": {"system": platform.system(), "kernel": platform.release(), "cores": os.cpu_count()},
        "pinning": pinning,
        "priority": priorities,
        "rounding": ROUNDING,
        "left_out": LEFT_OUT | lacking(),
        "records": records,
    }


def lacking() -> dict[str, str]:
    """Say which readings this machine does not give, and why."""
    found = {}
    if not SCHEDSTAT.exists():
        found["node.cpu.wait"] = (
            "this kernel has no /proc/schedstat; service.cpu.wait and node.cpu.pressure say as much"
        )
    if stalled_s("cpu") is None:
        found["pressure"] = "this kernel does not account for stalls (/proc/pressure)"
    if not gpus(""):
        found["gpu"] = "no device that NVML knows (or no package pynvml)"
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:  # run from the source folder, not installed
        return "source"
