"""Other people ask: inputs move to where the model knows nothing, and its answers get worse."""

from contextlib import AbstractContextManager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Change who asks (mode `drift` of `population`)."""
    order = {"inputs": {slot.service: {"mode": "drift", "strength": slot.intensity}}}
    return while_ordered(stage.load, order, {"inputs": {slot.service: None}})


register(
    FaultKind(
        name="input_drift",
        does="the population of a service moves along its main component, where the model has learned nothing",
        needs="the lab's own load generator",
        targets=ON_MODELS,
        categories=("input_drift",),
        apply=apply,
    )
)
