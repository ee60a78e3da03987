"""The feature pipeline of one service has a bug: a wrong unit, two features changed for each other, or old values."""

from contextlib import AbstractContextManager
from functools import partial

import numpy as np
from sklearn.feature_selection import f_classif, f_regression

from crosstide.lab.data import table
from crosstide.lab.faults import FaultKind, register
from crosstide.lab.orders import while_ordered
from crosstide.lab.plan import Slot
from crosstide.lab.shop import ON_MODELS
from crosstide.lab.stage import Stage

KINDS = ("scale", "swap", "stale")
#: A unit that is wrong by a decimal place.
FACTORS = (10.0, 0.1)
FEWEST, MOST = 2, 3


def apply(stage: Stage, slot: Slot) -> AbstractContextManager[None]:
    """Put the bug into the store: its kind by the seed, the number of features by the intensity."""
    kind, by = KINDS[slot.seed % len(KINDS)], FACTORS[slot.seed // len(KINDS) % len(FACTORS)]
    count = round(FEWEST + (MOST - FEWEST) * slot.intensity)
    bug = {"kind": kind, "features": telling(slot.service)[:count], "by": by}
    order = {"service": slot.service, "bug": bug}
    return while_ordered(partial(stage.admin, "store"), order, {"service": slot.service, "bug": None})


def telling(service: str) -> list[str]:
    """Name the features of a service, those that tell most of the label first (F test on the training rows)."""
    own = table(service)
    test = f_regression if own.train_labels.dtype.kind == "f" else f_classif
    strength = test(own.train, own.train_labels)[0]
    return [own.names[i] for i in np.argsort(-strength)]


register(
    FaultKind(
        name="feature_bug",
        does="the feature store answers a service with features that matter in a wrong unit, swapped, or stale",
        needs="the loopback admin call of the store",
        targets=ON_MODELS,
        categories=("data_quality", "input_drift"),
        apply=apply,
        entities=lambda target: (target, "service/store"),
    )
)
