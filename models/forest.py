"""An isolation forest as plain arrays: same scores as PyOD's `IForest.decision_function`, no PyOD needed to ask it.

Workers of a cluster cannot import PyOD (numba looks for a `print` that PyFlink has replaced), and small batches cost
PyOD milliseconds each. Trees come from `models.forest_build`; scoring walks all trees and rows one level at a time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: Rows walked at once: keeps the working arrays of 100 trees inside the processor's cache.
CHUNK = 512
#: Trees compare 32-bit numbers, so nothing larger can be told apart.
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class FlatForest:
    """All nodes of all trees in one row of arrays; the nodes of a tree are named by their place in that row.

    `roots` [trees]; `feature`, `threshold`, `length` [nodes]; `children` [2 * nodes]: entry `2k` is where node `k`
    sends values up to its threshold, `2k + 1` the others. A leaf is its own child. `length` is the path length that a
    leaf stands for; `depth` the number of steps that reach every leaf; `unit` the path length that scores 1/2, summed
    over trees; `offset` is scikit-learn's, added so that 0 is PyOD's own threshold.
    """

    width: int
    depth: int
    roots: Ints
    feature: Ints
    threshold: Floats
    children: Ints
    length: Floats
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

    def _checked(self, rows: Floats) -> NDArray[np.float32]:
        values = np.asarray(rows, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.width:
            raise ValueError(f"the forest takes rows of {self.width} values, got an array of shape {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("the forest takes finite values only")
        return np.clip(values, -LARGEST, LARGEST).astype(np.float32)

    def _lengths(self, values: NDArray[np.float32]) -> Floats:
        """Walk all trees; into arrays that are made once, as making them anew at each step costs as much as walking."""
        flat = np.ascontiguousarray(values).reshape(-1)
        first = np.arange(len(values), dtype=np.intp) * self.width
        node = np.repeat(self.roots[:, None], len(values), axis=1)
        place, right = np.empty_like(node), np.empty(node.shape, bool)
        value, threshold = np.empty(node.shape, flat.dtype), np.empty(node.shape, np.float64)
        for _ in range(self.depth):
            # "clip" only spares the check: no index is out of range, or `flat_forest` would have refused the tree
            np.take(self.feature, node, out=place, mode="clip")
            place += first
            np.take(flat, place, out=value, mode="clip")
            np.take(self.threshold, node, out=threshold, mode="clip")
            np.greater(value, threshold, out=right)
            node += node
            node += right
            np.take(self.children, node, out=place, mode="clip")
            node, place = place, node
        total = np.zeros(len(values))
        # tree after tree, as scikit-learn adds: numpy's own sum would pick its order by the batch's shape
        for lengths in self.length[node]:
            total += lengths
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
