"""Recordings made anew by the lab, in real time; nothing else should run on the machine meanwhile."""

import subprocess
import sys
from pathlib import Path

import numpy as np

RECORD = "from crosstide.cli import main; main()"
#: Length of a recorded reference, minutes; its seed is this much away from the faulty one's.
REFERENCE_MINUTES, REFERENCE_SEED = 15, 10_000


class RecordingFailedError(RuntimeError):
    """The lab could not record; it has said why on standard error."""


def record_faulty(folder: Path, seed: int, minutes: int) -> Path:
    """Record faults and traps drawn by the seed. Raises RecordingFailedError."""
    return _record(folder, seed, minutes, drawn(seed, minutes))


def record_reference(folder: Path, seed: int) -> Path:
    """Record a reference without faults. Raises RecordingFailedError."""
    return _record(folder, seed + REFERENCE_SEED, REFERENCE_MINUTES, ["none"])


def drawn(seed: int, minutes: int) -> list[str]:
    """Draw kinds of faults that this machine allows, each at most once, as many as the time holds.

    Raises RecordingFailedError where it holds none.
    """
    # imported here: whoever only judges recordings needs nothing of what makes them
    from crosstide.lab.faults import kinds
    from crosstide.lab.plan import PlanError
    from crosstide.lab.record import Order

    possible = sorted(name for name, kind in kinds().items() if not kind.requires())
    order = [possible[at] for at in np.random.default_rng([seed, 2]).permutation(len(possible))]
    for count in range(len(order), 0, -1):
        try:
            Order(minutes=minutes, seed=seed, faults=order[:count], command="").plan()
        except PlanError:
            continue
        return order[:count]
    raise RecordingFailedError(f"{minutes} minutes hold no fault with its pauses: give more --minutes")


def _record(folder: Path, seed: int, minutes: int, faults: list[str]) -> Path:
    asked = ["--output", str(folder), "--minutes", str(minutes), "--seed", str(seed), "--faults", ",".join(faults)]
    done = subprocess.run([sys.executable, "-c", RECORD, "lab", "record", *asked, "--gzip"], check=False)
    if done.returncode:
        raise RecordingFailedError(f"`crosstide lab record` ended with code {done.returncode}")
    return folder
