"""Far more requests than usual come to a service, from one moment to the next."""

from contextlib import AbstractContextManager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage

LEAST, MOST = 4.0, 8.0


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Multiply the load from outside."""
    factor = LEAST + (MOST - LEAST) * slot.intensity
    return while_ordered(stage.load, {"factor": {slot.service: factor}}, {"factor": {slot.service: 1.0}})


register(
    FaultKind(
        name="traffic_surge",
        does=f"{LEAST:g} to {MOST:g} times the requests from outside come to a service",
        needs="the lab's own load generator",
        targets=ON_MODELS,
        categories=("traffic_surge",),
        apply=apply,
    )
)
