"""What the two services know: tables that ship inside scikit-learn, cut to a few features.

They stand in for shopping: `fraud` learns the Wisconsin breast cancer table (malignant plays the fraud) and `checkout`
the wine table. Half of each table trains, the other half becomes requests. Checkout's sixth feature is fraud's answer:
a wine of class_2 comes with a malignant row in 8 of 10 cases, others in 2 of 10, so the answer carries weight.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import train_test_split

Array = NDArray[Any]

FRAUD_SCORE = "fraud_score"
FRAUD_CLASS = "malignant"
FEATURES = {
    "checkout": ("alcohol", "malic_acid", "flavanoids", "color_intensity", "proline"),
    "fraud": ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity", "mean_symmetry", "worst_area"),
}
#: Each feature of a request is a held-out value times 1 + this much normal noise.
NOISE = 0.02
_PAIRED_WITH_FRAUD = {"class_0": 0.2, "class_1": 0.2, "class_2": 0.8}


@dataclass(frozen=True)
class Table:
    """`train` and `held` are (rows, features); labels are class names."""

    names: tuple[str, ...]
    train: Array
    train_labels: Array
    held: Array
    held_labels: Array


@cache
def table(service: str) -> Table:
    """Load the table behind a service, without fraud's answer; the split is the same in every run."""
    bunch: Any = load_wine() if service == "checkout" else load_breast_cancer()
    names = [str(n).replace(" ", "_") for n in bunch.feature_names]
    columns = [names.index(name) for name in FEATURES[service]]
    labels = np.asarray(bunch.target_names)[bunch.target]
    split = train_test_split(bunch.data[:, columns], labels, test_size=0.5, random_state=0, stratify=labels)
    train, held, train_labels, held_labels = split
    return Table(FEATURES[service], train, train_labels, held, held_labels)


def partner(wine: str, labels: Array, rng: np.random.Generator) -> int:
    """Draw the row of fraud's table (whose labels are given) that goes with a wine of this class."""
    fraud = rng.random() < _PAIRED_WITH_FRAUD[wine]
    return int(rng.choice(np.flatnonzero((labels == FRAUD_CLASS) == fraud)))


def request(service: str, draw: int) -> dict[str, dict[str, float]]:
    """Make the features of one request, by its draw: `features`, and for checkout also fraud's (`fraud_features`)."""
    rng = np.random.default_rng(draw)
    own, fraud = table(service), table("fraud")
    row = int(rng.integers(len(own.held)))
    made = {"features": _noisy(own, row, rng)}
    if service == "checkout":
        made["fraud_features"] = _noisy(fraud, partner(str(own.held_labels[row]), fraud.held_labels, rng), rng)
    return made


def _noisy(source: Table, row: int, rng: np.random.Generator) -> dict[str, float]:
    values = source.held[row] * (1 + NOISE * rng.standard_normal(len(source.names)))
    return {name: float(f"{v:.4g}") for name, v in zip(source.names, values, strict=True)}
