"""A PyOD forest: fitted, calibrated, and taken apart into plain arrays.

PyOD is imported inside a function: operators import this package in Flink's workers, where importing PyOD fails.
"""

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.artifact_skops import packed
from models.artifact import TrainedForest
from models.forest import FlatForest, Floats
from models.forest_build import Tree, flat_forest
from models.tail import Tail

if TYPE_CHECKING:
    from pyod.models.iforest import IForest


def fit_forest(
    name: str, train: Floats, heldout: Floats, features: tuple[str, ...], seed: int, *, strange: float = 0.01
) -> tuple["IForest", TrainedForest]:
    """Fit 100 trees on rows [n, d] of normal data and calibrate them on other normal rows [m, d].

    The threshold is the raw score that the share `strange` of held-out rows exceeds. Raises ValueError for rows that
    are not finite or not as wide as `features`, and for fewer than 20 in either set.
    """
    from pyod.models.iforest import IForest

    values = np.asarray(train, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(features) or len(values) < 20 or not np.isfinite(values).all():
        raise ValueError(f"forest {name}: needs 20 or more finite rows of {len(features)} values, got {values.shape}")
    model = IForest(n_estimators=100, n_jobs=1, random_state=seed).fit(values)
    forest = flatten(model)
    raw = forest.score(heldout)
    threshold = float(np.quantile(raw, 1.0 - strange)) if len(raw) else 0.0
    digest = sha256(packed(model)).hexdigest()
    return model, TrainedForest(name, features, forest, Tail.of(raw), threshold, np.median(values, axis=0), digest)


def flatten(model: "IForest") -> FlatForest:
    """Take the trees out of a fitted PyOD forest; ValueError for malformed trees or trees on subsets of features."""
    inner = model.detector_
    width = int(inner.n_features_in_)
    if inner._max_features != width:
        raise ValueError("a forest whose trees see only some of the features is not supported")
    trees = [_tree(estimator.tree_) for estimator in inner.estimators_]
    return flat_forest(trees, width, int(inner._max_samples), float(inner.offset_))


def _tree(tree: Any) -> Tree:
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, tree.n_node_samples)
