"""Processes of normal priority compete with a service for the core of its node."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

FEWEST, MOST = 3, 8


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Run the hogs."""
    count = round(FEWEST + (MOST - FEWEST) * slot.intensity)
    with stage.busy(slot.target.removeprefix("node/"), count, idle_priority=False):
        yield


register(
    FaultKind(
        name="cpu_hog",
        does=f"{FEWEST} to {MOST} busy processes of normal priority on the core of a node",
        needs="the core of a node",
        targets=("node/n1", "node/n2"),
        categories=("resource_saturation",),
        apply=apply,
    )
)
