"""A link between two services passes nothing: connections are made, requests vanish, and the caller times out.

A proxy on the loopback interface stands between the two while it lasts (`crosstide.lab.proxy`); it needs no right.
A partition is whole, so the intensity changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.link import LINKS, ends, through_proxy
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Let the link swallow everything."""
    with through_proxy(stage, slot.target, mode="blackhole"):
        yield


register(
    FaultKind(
        name="partition",
        does="a link between two services swallows all requests: the caller waits until it times out",
        needs="a proxy process on the loopback interface",
        targets=LINKS,
        categories=("network", "dependency"),
        apply=apply,
        entities=ends,
    )
)
