"""A trap: the same model is deployed again, under a new version."""

from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Load the running model once more, from its file; the new version stays."""
    service = slot.service
    major, minor, _ = stage.versions[service].split(".")
    version = f"{major}.{int(minor) + 1}.0"
    stage.change(service, "deploy", f"{service}@{version}")
    stage.deploy(service, version, stage.paths[service])
    yield


register(
    FaultKind(
        name="harmless_deploy",
        does="a service loads the model it runs once more, under a new version: a change, and no harm",
        needs="the loopback admin call of a service",
        targets=ON_MODELS,
        categories=(),
        apply=apply,
    )
)
