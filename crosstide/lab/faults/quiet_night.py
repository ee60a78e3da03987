"""A trap: a night in which hardly anybody asks, and what is asked is answered well."""

from contextlib import AbstractContextManager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage

LEFT = 0.2
FALL_S = 10.0


def apply(stage: Stage, _slot: Slot) -> AbstractContextManager[None]:
    """Let the load of all services fall, and rise again in the morning."""
    order = {"factor": dict.fromkeys(MODELS, LEFT), "over_s": FALL_S}
    return while_ordered(stage.load, order, {"factor": dict.fromkeys(MODELS, 1.0), "over_s": FALL_S})


register(
    FaultKind(
        name="quiet_night",
        does=f"the load of all services, not only of the one named, falls to {LEFT:.0%} and comes back: no harm",
        needs="the lab's own load generator",
        targets=("service/checkout",),
        categories=(),
        apply=apply,
    )
)
