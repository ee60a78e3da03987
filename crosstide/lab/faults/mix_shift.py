"""A trap: easy requests come more often, hard ones more seldom; the model answers as well as before."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Change who asks (mode `mix` of `population`)."""
    service = slot.target.removeprefix("service/")
    stage.load({"inputs": {service: {"mode": "mix", "strength": slot.intensity}}})
    try:
        yield
    finally:
        stage.load({"inputs": {service: None}})


register(
    FaultKind(
        name="mix_shift",
        does="the mix of rows that a service is asked about shifts towards easy ones: no harm",
        needs="the lab's own load generator",
        targets=tuple(f"service/{service}" for service in MODELS),
        categories=(),
        apply=apply,
    )
)
