"""A trap: the load of a service climbs slowly to one and a half, which it can well bear."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage

MOST = 1.5
FALL_S = 10.0


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Let the load climb over the whole slot, and fall back after it."""
    service = slot.target.removeprefix("service/")
    stage.load({"factor": {service: MOST}, "over_s": slot.end - slot.start})
    try:
        yield
    finally:
        stage.load({"factor": {service: 1.0}, "over_s": FALL_S})


register(
    FaultKind(
        name="slow_rise",
        does=f"the load of a service climbs evenly to {MOST:g} times, and falls back: no harm",
        needs="the lab's own load generator",
        targets=tuple(f"service/{service}" for service in MODELS),
        categories=(),
        apply=apply,
    )
)
