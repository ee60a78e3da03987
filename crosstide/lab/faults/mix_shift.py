"""A trap: easy requests come more often, hard ones more seldom; the model answers as well as before."""

from contextlib import AbstractContextManager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Change who asks (mode `mix` of `population`)."""
    order = {"inputs": {slot.service: {"mode": "mix", "strength": slot.intensity}}}
    return while_ordered(stage.load, order, {"inputs": {slot.service: None}})


register(
    FaultKind(
        name="mix_shift",
        does="the mix of rows that a service is asked about shifts towards easy ones: no harm",
        needs="the lab's own load generator",
        targets=ON_MODELS,
        categories=(),
        apply=apply,
    )
)
