"""Other people ask: inputs move to where the model knows nothing, and its answers get worse."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Change who asks (mode `drift` of `population`)."""
    service = slot.target.removeprefix("service/")
    stage.load({"inputs": {service: {"mode": "drift", "strength": slot.intensity}}})
    try:
        yield
    finally:
        stage.load({"inputs": {service: None}})


register(
    FaultKind(
        name="input_drift",
        does="the population of a service moves along its main component, where the model has learned nothing",
        needs="the lab's own load generator",
        targets=tuple(f"service/{service}" for service in MODELS),
        categories=("input_drift",),
        apply=apply,
    )
)
