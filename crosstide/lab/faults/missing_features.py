"""The feature store has lost many values of one service; the model answers with neutral ones instead."""

from contextlib import AbstractContextManager
from functools import partial

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage

LEAST, MOST = 0.3, 0.9


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Have the store leave out values."""
    order = {"service": slot.service, "missing": LEAST + (MOST - LEAST) * slot.intensity}
    return while_ordered(partial(stage.admin, "store"), order, order | {"missing": 0.0})


register(
    FaultKind(
        name="missing_features",
        does=f"the feature store answers {LEAST:.0%} to {MOST:.0%} of a service's feature values with nothing",
        needs="the loopback admin call of the store",
        targets=ON_MODELS,
        categories=("data_quality",),
        apply=apply,
        entities=lambda target: (target, "service/store"),
    )
)
