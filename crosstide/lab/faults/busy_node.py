"""A trap: the core of a node is busy to the last percent, with work that gives way to everything else."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

PROCESSES = 2


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Run the hogs at idle priority, so that a request never waits for them."""
    with stage.busy(slot.target.removeprefix("node/"), PROCESSES, idle_priority=True):
        yield


register(
    FaultKind(
        name="busy_node",
        does=f"{PROCESSES} busy processes of idle priority (SCHED_IDLE) on a node's core: 100 % busy, nobody waits",
        needs="the core of a node",
        targets=("node/n1", "node/n2"),
        categories=(),
        apply=apply,
    )
)
