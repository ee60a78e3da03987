"""Far more requests than usual come to a service, from one moment to the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage

LEAST, MOST = 4.0, 8.0


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Multiply the load from outside."""
    service = slot.target.removeprefix("service/")
    stage.load({"factor": {service: LEAST + (MOST - LEAST) * slot.intensity}})
    try:
        yield
    finally:
        stage.load({"factor": {service: 1.0}})


register(
    FaultKind(
        name="traffic_surge",
        does=f"{LEAST:g} to {MOST:g} times the requests from outside come to a service",
        needs="the lab's own load generator",
        targets=tuple(f"service/{service}" for service in MODELS),
        categories=("traffic_surge",),
        apply=apply,
    )
)
