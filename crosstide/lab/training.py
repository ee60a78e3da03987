"""The random forests of the services: a right one, and one whose training labels were shuffled."""

from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier

from crosstide.lab.data import FRAUD_CLASS, Array, partner, table

TREES = 60
#: Names on the records.
MODELS = {"checkout": "wine-forest", "fraud": "tumour-forest"}


def train(service: str, shuffled: float = 0.0, seed: int = 0) -> Any:
    """Train the forest of a service; `shuffled` is the share of training rows whose labels change places."""
    rows, labels = _training_rows(service)
    forest = RandomForestClassifier(TREES, min_samples_leaf=2, oob_score=True, random_state=0, n_jobs=1)
    return forest.fit(rows, _shuffle(labels, shuffled, seed))


def save(forest: Any, path: Path) -> None:
    """Write a forest where a service can load it."""
    skops.io.dump(forest, path)


def load(path: Path) -> Any:
    """Load a forest that `save` wrote; skops refuses files that hold anything but known types."""
    # a forged tree could read out of bounds: trusted because these files live in the recorder's private folder
    return skops.io.load(path, trusted=["sklearn.tree._tree.Tree"])


def _training_rows(service: str) -> tuple[Array, Array]:
    own = table(service)
    if service == "fraud":
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
