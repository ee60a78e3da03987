"""From the trees of a fitted isolation forest to a `FlatForest`, refusing any tree that could not have been grown.

Trees read from a file are checked here before compiled code walks them: a child out of range would read foreign memory.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.forest import FlatForest, Floats, Level, Singles

#: Levels are filled up, so each doubles the size of a forest: a file must not ask for a hundred.
MAX_DEPTH = 14


class Tree(NamedTuple):
    """One tree as scikit-learn holds it: arrays [nodes]; a leaf has children -1; `samples` are training rows seen."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    samples: NDArray[np.int64]


def flat_forest(trees: Sequence[Tree], width: int, max_samples: int, offset: float) -> FlatForest:
    """Lay the trees out level by level, each filled up to the depth of the deepest.

    `max_samples` is the number of rows that each tree was grown from, `offset` scikit-learn's `offset_`. Raises
    ValueError for no trees, malformed trees, trees deeper than so many rows let them grow, and numbers that are not
    finite.
    """
    if not trees or max_samples < 2 or not np.isfinite(offset):
        raise ValueError("a forest needs trees, at least 2 rows for each, and a finite offset")
    deepest = _deepest(max_samples)
    laid = [_lay(tree, width, deepest) for tree in trees]
    roots = np.concatenate([[0], np.cumsum([len(tree.left) for tree in trees])[:-1]])
    feature = np.concatenate([np.maximum(tree.feature, 0) for tree in trees]).astype(np.intp)
    threshold = _singles(np.concatenate([np.where(tree.left < 0, np.inf, tree.threshold) for tree in trees]))
    children = np.concatenate([kids + root for (kids, _, _), root in zip(laid, roots, strict=True)])
    levels, nodes = [], roots
    for _ in range(max(depth for _, _, depth in laid)):
        levels.append(Level(feature[nodes], threshold[nodes]))
        nodes = children[nodes].reshape(-1)
    return FlatForest(
        width=width,
        trees=len(trees),
        levels=tuple(levels),
        lengths=np.concatenate([length for _, length, _ in laid])[nodes],
        unit=len(trees) * float(path_length(np.array([max_samples]))[0]),
        offset=float(offset),
    )


def _deepest(max_samples: int) -> int:
    """How deep scikit-learn lets an isolation tree of so many rows grow."""
    deepest = (max_samples - 1).bit_length()
    if deepest > MAX_DEPTH:
        raise ValueError(f"trees of {max_samples} rows each are too deep to be filled up; at most {2**MAX_DEPTH} rows")
    return deepest


def _singles(thresholds: Floats) -> Singles:
    """The largest 32-bit number up to each threshold: 32-bit values compare with it as they do with the threshold."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def path_length(samples: NDArray[np.int64]) -> Floats:
    """Mean path length of an isolation tree over so many rows (Liu, Ting, Zhou 2008, equation 1)."""
    many = np.maximum(samples, 3).astype(np.float64)
    length = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, length))


def _lay(tree: Tree, width: int, deepest: int) -> tuple[NDArray[np.int64], Floats, int]:
    """Children [nodes, 2] with leaves pointing at themselves, path lengths [nodes], and the depth."""
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
    if depth > deepest:
        raise ValueError(f"a tree is {depth} deep; its rows let it grow to {deepest}")
    # the order of scikit-learn's additions, so that sums agree to the last bit
    return kids, (steps + 1.0) + path_length(tree.samples) - 1.0, depth


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
