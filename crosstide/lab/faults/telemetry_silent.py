"""The telemetry of a node or a service stops, as if its agent had died; requests are served as before.

The sampler leaves out the entity's readings. There is no half silence, so the intensity changes nothing.
"""

from contextlib import AbstractContextManager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Silence the entity."""
    return while_ordered(stage.sampler, {"silent": [slot.target]}, {"silent": []})


register(
    FaultKind(
        name="telemetry_silent",
        does="no telemetry of a node or a service comes any more; its requests are served as before",
        needs="the lab's sampler",
        targets=("node/n1", "node/n2", "service/price", "service/fraud"),
        categories=("telemetry_loss",),
        apply=apply,
    )
)
