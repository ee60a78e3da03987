"""A model whose training labels were partly shuffled goes live, and is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage

LEAST_SHUFFLED = 0.7


def prepare(stage: Stage, slot: Slot) -> None:
    """Train the bad model."""
    shuffled = LEAST_SHUFFLED + (1 - LEAST_SHUFFLED) * slot.intensity
    stage.prepare(slot.service, slot.id, shuffled, slot.seed)


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Deploy it under the next major version; then go back to the one before."""
    service = slot.service
    version, path = stage.versions[service], stage.paths[service]
    bad = f"{int(version.split('.')[0]) + 1}.0.0"
    stage.change(service, "model_version", f"{service}@{bad}")
    stage.deploy(service, bad, stage.path(service, slot.id))
    try:
        yield
    finally:
        stage.deploy(service, version, path)
        stage.change(service, "model_version", f"{service}@{version} (roll back of {bad})")


register(
    FaultKind(
        name="bad_model_version",
        does=f"a service loads a model trained with {LEAST_SHUFFLED:.0%} to 100% of labels shuffled, then rolls back",
        needs="the loopback admin call of a service",
        targets=ON_MODELS,
        categories=("model_version", "deployment"),
        apply=apply,
        prepare=prepare,
    )
)
