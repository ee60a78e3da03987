"""The feature store has lost many values of one service; the model answers with neutral ones instead."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage

LEAST, MOST = 0.3, 0.9


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Have the store leave out values."""
    service = slot.target.removeprefix("service/")
    share = LEAST + (MOST - LEAST) * slot.intensity
    stage.admin("store", {"service": service, "missing": share})
    try:
        yield
    finally:
        stage.admin("store", {"service": service, "missing": 0.0})


register(
    FaultKind(
        name="missing_features",
        does=f"the feature store answers {LEAST:.0%} to {MOST:.0%} of a service's feature values with nothing",
        needs="the loopback admin call of the store",
        targets=tuple(f"service/{service}" for service in MODELS),
        categories=("data_quality",),
        apply=apply,
        entities=lambda target: (target, "service/store"),
    )
)
