"""From the trees of a fitted isolation forest to a `FlatForest`, refusing any tree that could not have been grown.

Trees read from a file are checked here before compiled code walks them: a child out of range would read foreign memory.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.forest import FlatForest, Floats


class Tree(NamedTuple):
    """One tree as scikit-learn holds it: arrays [nodes]; a leaf has children -1; `samples` are training rows seen."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    samples: NDArray[np.int64]


def flat_forest(trees: Sequence[Tree], width: int, max_samples: int, offset: float) -> FlatForest:
    """Lay the trees out in one row of arrays.

    `max_samples` is the number of rows that each tree was grown from, `offset` scikit-learn's `offset_`. Raises
    ValueError for no trees, malformed trees, and numbers that are not finite.
    """
    if not trees or max_samples < 2 or not np.isfinite(offset):
        raise ValueError("a forest needs trees, at least 2 rows for each, and a finite offset")
    laid = [_lay(tree, width) for tree in trees]
    sizes = np.array([len(tree.left) for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return FlatForest(
        width=width,
        depth=max(depth for _, _, depth in laid),
        roots=roots.astype(np.intp),
        feature=np.concatenate([np.maximum(tree.feature, 0) for tree in trees]).astype(np.intp),
        threshold=np.concatenate([np.where(tree.left < 0, np.inf, tree.threshold) for tree in trees]),
        children=np.concatenate([kids + root for (kids, _, _), root in zip(laid, roots, strict=True)]).astype(np.intp),
        length=np.concatenate([length for _, length, _ in laid]),
        unit=len(trees) * float(path_length(np.array([max_samples]))[0]),
        offset=float(offset),
    )


def path_length(samples: NDArray[np.int64]) -> Floats:
    """Mean path length of an isolation tree over so many rows (Liu, Ting, Zhou 2008, equation 1)."""
    many = np.maximum(samples, 3).astype(np.float64)
    length = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, length))


def _lay(tree: Tree, width: int) -> tuple[NDArray[np.int64], Floats, int]:
    """Children [2 * nodes] with leaves pointing at themselves, path lengths [nodes], and the depth."""
    _check(tree, width)
    own = np.arange(len(tree.left))
    leaf = tree.left < 0
    kids = np.stack([np.where(leaf, own, tree.left), np.where(leaf, own, tree.right)], axis=1)
    steps = np.zeros(len(own))
    level, depth = np.flatnonzero(~leaf[:1]), 0
    while level.size:
        below = kids[level].reshape(-1)
        depth += 1
        steps[below] = depth
        level = below[~leaf[below]]
    # the order of scikit-learn's additions, so that sums agree to the last bit
    return kids.reshape(-1), (steps + 1.0) + path_length(tree.samples) - 1.0, depth


def _check(tree: Tree, width: int) -> None:
    count = len(tree.left)
    inner = tree.left >= 0
    kids = np.concatenate([tree.left[inner], tree.right[inner]])
    parents = np.tile(np.flatnonzero(inner), 2)
    if count == 0 or not (kids > parents).all() or not (kids < count).all():
        raise ValueError("a tree's children are out of order or out of range")
    if (np.bincount(kids, minlength=count) != (np.arange(count) > 0)).any():
        raise ValueError("a tree's node has no parent, or two")
    if not ((tree.feature[inner] >= 0) & (tree.feature[inner] < width)).all():
        raise ValueError(f"a tree asks for a feature that is not among the {width}")
    if not np.isfinite(tree.threshold[inner]).all() or not (tree.samples >= 1).all():
        raise ValueError("a tree holds a threshold that is not finite, or a node without rows")
