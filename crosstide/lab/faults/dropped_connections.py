"""A link between two services loses requests: a share of them ends in a reset before the other side sees them.

A proxy on the loopback interface stands between the two while it lasts (`crosstide.lab.proxy`); it needs no right.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.link import LINKS, ends, through_proxy
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

LEAST_SHARE, MOST_SHARE = 0.15, 0.6


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Let the link drop requests, drawn by the seed."""
    share = LEAST_SHARE + (MOST_SHARE - LEAST_SHARE) * slot.intensity
    with through_proxy(stage, slot.target, mode="drop", share=share, seed=slot.seed):
        yield


register(
    FaultKind(
        name="dropped_connections",
        does=f"a link between two services cuts {LEAST_SHARE:.0%} to {MOST_SHARE:.0%} of the requests with a reset",
        needs="a proxy process on the loopback interface",
        targets=LINKS,
        categories=("network", "dependency"),
        apply=apply,
        entities=ends,
    )
)
