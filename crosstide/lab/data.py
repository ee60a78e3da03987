"""What the services know: tables that ship inside scikit-learn, cut to a few features.

They stand in for shopping. `fraud` learns the Wisconsin breast cancer table (malignant plays the fraud), `checkout`
the wine table, `price` the diabetes table (a number), `ranking` the digits (ten categories, ranked; six principal
components are its features). Half of each table trains, the other half becomes requests. Checkout's sixth feature is
fraud's answer: a wine of class_2 comes with a malignant row in 8 of 10 cases, others in 2 of 10, so it carries weight.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

Array = NDArray[Any]

FRAUD_SCORE = "fraud_score"
FRAUD_CLASS = "malignant"
FEATURES = {
    "checkout": ("alcohol", "malic_acid", "flavanoids", "color_intensity", "proline"),
    "fraud": ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity", "mean_symmetry", "worst_area"),
    "price": ("bmi", "bp", "s1", "s3", "s5"),
    "ranking": ("look_1", "look_2", "look_3", "look_4", "look_5", "look_6"),
}
#: Each feature of a request is a held-out value times 1 + this much normal noise.
NOISE = 0.02
_PAIRED_WITH_FRAUD = {"class_0": 0.2, "class_1": 0.2, "class_2": 0.8}


@dataclass(frozen=True)
class Table:
    """`train` and `held` are (rows, features); labels are class names, or numbers (price)."""

    names: tuple[str, ...]
    train: Array
    train_labels: Array
    held: Array
    held_labels: Array


@cache
def table(service: str) -> Table:
    """Load the table behind a service, without fraud's answer; the split is the same in every run."""
    names, values, labels = _digits() if service == "ranking" else _bunch(service)
    stratify = None if labels.dtype.kind == "f" else labels
    split = train_test_split(values, labels, test_size=0.5, random_state=0, stratify=stratify)
    train, held, train_labels, held_labels = split
    if service == "ranking":
        looks = PCA(len(names), random_state=0).fit(train)
        train, held = looks.transform(train), looks.transform(held)
    return Table(names, train, train_labels, held, held_labels)


def _bunch(service: str) -> tuple[tuple[str, ...], Array, Array]:
    if service == "price":
        bunch: Any = load_diabetes(scaled=False)
    else:
        bunch = load_wine() if service == "checkout" else load_breast_cancer()
    names = [str(n).replace(" ", "_") for n in bunch.feature_names]
    values = bunch.data[:, [names.index(name) for name in FEATURES[service]]]
    numeric = service == "price"
    labels = bunch.target.astype(float) if numeric else np.asarray(bunch.target_names)[bunch.target]
    return FEATURES[service], values, labels


def _digits() -> tuple[tuple[str, ...], Array, Array]:
    bunch: Any = load_digits()
    return FEATURES["ranking"], bunch.data, np.array([f"category_{digit}" for digit in bunch.target])


def partner(wine: str, labels: Array, rng: np.random.Generator) -> int:
    """Draw the row of fraud's table (whose labels are given) that goes with a wine of this class."""
    fraud = rng.random() < _PAIRED_WITH_FRAUD[wine]
    return int(rng.choice(np.flatnonzero((labels == FRAUD_CLASS) == fraud)))


def held_partner(wine: str, rng: np.random.Generator) -> int:
    """Draw fraud's held-out row that goes with a held-out wine of this class."""
    return partner(wine, table("fraud").held_labels, rng)


def features(service: str, row: int, draw: int, shift: list[float] | None = None) -> dict[str, float]:
    """Make the features of a request from its held-out row and its draw, shifted by so many spreads each."""
    own, rng = table(service), np.random.default_rng(draw)
    values = own.held[row] * (1 + NOISE * rng.standard_normal(len(own.names)))
    if shift is not None:
        values = values + np.asarray(shift) * own.train.std(axis=0)
    return {name: float(f"{v:.4g}") for name, v in zip(own.names, values, strict=True)}
