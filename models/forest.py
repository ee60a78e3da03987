"""An isolation forest as plain arrays: same scores as PyOD's `IForest.decision_function`, no PyOD needed to ask it.

Workers of a cluster cannot import PyOD (numba looks for a `print` that PyFlink has replaced), and small batches cost
PyOD milliseconds each. Trees come from `models.forest_build`; scoring walks all trees and rows one level at a time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Singles = NDArray[np.float32]

#: Rows walked at once: keeps the working arrays of 100 trees inside the processor's cache.
CHUNK = 512
#: Trees compare 32-bit numbers, so nothing larger can be told apart.
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Level:
    """The nodes of all trees at one depth [trees * 2^depth]: the feature that each looks at, and what goes left."""

    feature: Ints
    threshold: Singles


@dataclass(frozen=True, eq=False)
class FlatForest:
    """All trees, each filled up to the same depth: node `k` of a level has the nodes `2k` and `2k + 1` below it.

    No node needs to say where its children are, and a level's arrays stay in the processor's cache. `lengths`
    [trees * 2^depth] are the path lengths of the leaves; `unit` is the path length that scores 1/2, summed over
    trees; `offset` is scikit-learn's, added so that 0 is PyOD's own threshold.
    """

    width: int
    trees: int
    levels: tuple[Level, ...]
    lengths: Floats
    unit: float
    offset: float

    def score(self, rows: Floats) -> Floats:
        """Score rows [n, width] -> [n]: the larger, the stranger; a row's score does not depend on its batch.

        Magnitudes beyond 32-bit floats count as the largest one. Raises ValueError for another width, another number
        of dimensions, and values that are not finite.
        """
        values = self._checked(rows)
        parts = [self._lengths(values[at : at + CHUNK]) for at in range(0, len(values), CHUNK)]
        lengths = np.concatenate(parts) if parts else np.zeros(0)
        scores: Floats = np.power(2.0, -(lengths / self.unit)) + self.offset
        return scores

    def splits(self, feature: int) -> Singles:
        """Answer where the trees split a feature: values up to one of these go left there; often repeated."""
        looked_at = [level.threshold[level.feature == feature] for level in self.levels]
        return np.concatenate([at[np.isfinite(at)] for at in looked_at] or [np.zeros(0, np.float32)])

    def _checked(self, rows: Floats) -> Singles:
        values = np.asarray(rows, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.width:
            raise ValueError(f"the forest takes rows of {self.width} values, got an array of shape {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("the forest takes finite values only")
        return np.clip(values, -LARGEST, LARGEST).astype(np.float32)

    def _lengths(self, values: Singles) -> Floats:
        """Walk all trees; into arrays that are made once, as making them anew at each step costs as much as walking."""
        flat = np.ascontiguousarray(values).reshape(-1)
        first = np.arange(len(values), dtype=np.intp) * self.width
        node = np.repeat(np.arange(self.trees, dtype=np.intp)[:, None], len(values), axis=1)
        place, right = np.empty_like(node), np.empty(node.shape, bool)
        value, threshold = np.empty(node.shape, flat.dtype), np.empty(node.shape, flat.dtype)
        for level in self.levels:
            # "clip" only spares the check: `flat_forest` has made as many nodes as there are places to be in
            np.take(level.feature, node, out=place, mode="clip")
            place += first
            np.take(flat, place, out=value, mode="clip")
            np.take(level.threshold, node, out=threshold, mode="clip")
            np.greater(value, threshold, out=right)
            node += node
            node += right
        # tree after tree, as scikit-learn adds: a plain sum would pick its order by the batch's shape
        total: Floats = np.add.accumulate(self.lengths[node], axis=0)[-1]
        return total


def contributions(forest: FlatForest, rows: Floats, neutral: Floats) -> Floats:
    """Say how much each feature carries of each row's score: rows [n, d], neutral [d] -> shares [n, d].

    A feature's weight is how far the score falls when that feature alone takes its neutral value (the median of
    training); a row's shares sum to 1, or are all 0 where no single feature lowers the score. One batch of
    n * (d + 1) rows. Raises ValueError as `FlatForest.score` does.
    """
    values = np.asarray(rows, dtype=np.float64)
    count = len(values)
    batch = np.repeat(values[None], forest.width + 1, axis=0)
    for feature in range(forest.width):
        batch[feature + 1, :, feature] = neutral[feature]
    scores = forest.score(batch.reshape(-1, values.shape[-1])).reshape(forest.width + 1, count)
    drops = np.maximum(scores[0] - scores[1:], 0.0).T
    total = drops.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(drops, total, out=np.zeros_like(drops), where=total > 0)
    return shares
