"""Another program writes and syncs without pause: whoever must have something on the disk before it answers, waits.

Both nodes stand on one disk, so the trouble is the machine's, wherever it is aimed at: either node may be blamed. It
needs a temporary folder on a disk, which the journals of price and fraud use too.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

THREADS = 4
#: Megabytes that a thread writes between two syncs, at no and at full intensity: with this, a sync of another
#: program takes about 20 to 60 ms on a virtual disk of 500 MB/s, instead of less than one.
FEWEST_MB, MOST_MB = 8, 40
IN_MEMORY = ("tmpfs", "ramfs")


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Run the storm; it has ended, with nothing left to write, when the block ends."""
    megabytes = round(FEWEST_MB + (MOST_MB - FEWEST_MB) * slot.intensity)
    spec = {"folder": str(stage.scratch), "threads": THREADS, "megabytes": megabytes}
    with ExitStack() as put_right:
        storm = stage.children.module("storm", "storm", spec)
        put_right.callback(stage.children.kill, storm)
        put_right.callback(storm.finish)
        yield


def both_nodes(_target: str) -> tuple[str, ...]:
    """Blame either node."""
    return ("node/n1", "node/n2")


def requires() -> str:
    """Answer that the temporary folder is in memory, where it is."""
    place = Path(tempfile.gettempdir()).resolve()
    mounted = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    system = next((mounted[at] for at in (place, *place.parents) if at in mounted), "")
    return "a temporary folder on a disk (this one is in memory)" if system in IN_MEMORY else ""


register(
    FaultKind(
        name="slow_disk",
        does=f"{THREADS} threads write {FEWEST_MB} to {MOST_MB} MB each and sync, without pause, on the disk of the "
        "journals",
        needs="a temporary folder on a disk",
        targets=("node/n1", "node/n2"),
        categories=("storage",),
        apply=apply,
        entities=both_nodes,
        requires=requires,
    )
)
