"""The random forests of the services: right ones, and ones whose training labels were shuffled."""

from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from crosstide.lab.data import FRAUD_CLASS, FRAUD_SCORE, Array, partner, table

TREES = 60
#: Names on the records.
MODELS = {
    "checkout": "wine-forest",
    "fraud": "tumour-forest",
    "price": "progression-forest",
    "ranking": "digit-forest",
}


def train(service: str, shuffled: float = 0.0, seed: int = 0) -> Any:
    """Train the forest of a service; `shuffled` is the share of training rows whose labels change places."""
    rows, labels = _training_rows(service)
    kind = RandomForestRegressor if service == "price" else RandomForestClassifier
    forest = kind(TREES, min_samples_leaf=2, oob_score=True, random_state=0, n_jobs=1)
    return forest.fit(rows, _shuffle(labels, shuffled, seed))


def save(forest: Any, path: Path) -> None:
    """Write a forest where a service can load it."""
    skops.io.dump(forest, path)


def load(path: Path) -> Any:
    """Load a forest that `save` wrote; skops refuses files that hold anything but known types."""
    # a forged tree could read out of bounds: trusted because these files live in the recorder's private folder
    return skops.io.load(path, trusted=["sklearn.tree._tree.Tree"])


def neutral(service: str) -> dict[str, float]:
    """Say what stands in for a missing feature: its median in training (even odds for fraud's answer)."""
    own = table(service)
    medians = dict(zip(own.names, np.median(own.train, axis=0).tolist(), strict=True))
    return medians | ({FRAUD_SCORE: 0.5} if service == "checkout" else {})


def _training_rows(service: str) -> tuple[Array, Array]:
    own = table(service)
    if service != "checkout":
        return own.train, own.train_labels
    fraud, rng = train("fraud"), np.random.default_rng(0)
    # out of bag: the answers that fraud gives to rows it has not seen
    answers = fraud.oob_decision_function_[:, list(fraud.classes_).index(FRAUD_CLASS)]
    scores = [answers[partner(str(label), table("fraud").train_labels, rng)] for label in own.train_labels]
    return np.column_stack([own.train, scores]), own.train_labels


def _shuffle(labels: Array, share: float, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    changed = labels.copy()
    changed[chosen] = labels[rng.permutation(chosen)]
    return changed
