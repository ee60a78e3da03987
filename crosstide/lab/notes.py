"""`recording.json`: how a recording was made, and what it does not hold."""

import os
import platform
from importlib.metadata import version
from typing import Any

LEFT_OUT = {
    "probabilities": "prediction and confidence say as much as is used, in half the bytes",
    "labels": "no late labels in this form of the lab",
    "warm-up": "requests of the first seconds, while connections and caches settle",
    "node readings of their own": "memory, context switches, disk and network exist once per machine: both nodes carry "
    "the same reading; only node.cpu.utilization is the core's own",
    "gpu": "the lab has none",
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
        "left_out": LEFT_OUT,
        "records": records,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:  # run from the source folder, not installed
        return "source"
