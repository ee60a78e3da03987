"""A trap: the load of a service climbs slowly to one and a half, which it can well bear."""

from contextlib import AbstractContextManager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage

MOST = 1.5
FALL_S = 10.0


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Let the load climb over the whole slot, and fall back after it."""
    order = {"factor": {slot.service: MOST}, "over_s": slot.end - slot.start}
    return while_ordered(stage.load, order, {"factor": {slot.service: 1.0}, "over_s": FALL_S})


register(
    FaultKind(
        name="slow_rise",
        does=f"the load of a service climbs evenly to {MOST:g} times, and falls back: no harm",
        needs="the lab's own load generator",
        targets=ON_MODELS,
        categories=(),
        apply=apply,
    )
)
