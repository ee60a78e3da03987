"""Something behind a service gets slow, and it waits, burning no CPU: its callers wait with it.

For store, which all model services ask, it is the store's own storage; for fraud, a backend of its own.
"""

from contextlib import AbstractContextManager
from functools import partial

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

SHORTEST_S, LONGEST_S = 0.06, 0.2


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Make the backend slow."""
    wait_s = SHORTEST_S + (LONGEST_S - SHORTEST_S) * slot.intensity
    return while_ordered(partial(stage.admin, slot.service), {"wait_s": wait_s}, {"wait_s": 0.0})


register(
    FaultKind(
        name="slow_dependency",
        does=f"the backend of fraud or of the feature store makes it wait {SHORTEST_S * 1000:g} to "
        f"{LONGEST_S * 1000:g} ms on each request",
        needs="the loopback admin call of a service",
        targets=("service/store", "service/fraud"),
        categories=("dependency",),
        apply=apply,
    )
)
