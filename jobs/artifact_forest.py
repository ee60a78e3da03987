"""A trained forest as an entry of the manifest, with the canaries that it must answer alike wherever it is read."""

import numpy as np

from jobs.artifact_manifest import MOST_CANARIES, Stored, StoredForest, StoredTail
from models.artifact import TrainedForest
from models.forest import LARGEST, Floats
from models.tail import Tail


def describe(trained: TrainedForest, stored: Stored) -> StoredForest:
    """Write a trained forest down for the manifest, with canaries and their scores."""
    rows, tail = canaries(trained), trained.tail
    return StoredForest(
        name=trained.name, stored=stored, features=list(trained.features), threshold=trained.threshold,
        neutral=trained.neutral.tolist(), canaries=rows.tolist(), canary_scores=trained.forest.score(rows).tolist(),
        tail=StoredTail(
            tail.n, tail.values.tolist(), tail.survival.tolist(), tail.above, tail.excesses, tail.total
        ),
    )  # fmt: skip


def tail_of(stored: StoredTail) -> Tail:
    """Make the tail again; ValueError where its numbers contradict each other."""
    values, survival = np.asarray(stored.values, dtype=np.float64), np.asarray(stored.survival, dtype=np.float64)
    return Tail(stored.n, values, survival, stored.above, stored.excesses, stored.total)


def canaries(trained: TrainedForest) -> Floats:
    """Rows [k, d] that tell forests apart and repeat nobody's data: neutral, each feature at its outermost splits."""
    forest = trained.forest
    rows = [trained.neutral]
    for feature in range(min(forest.width, (MOST_CANARIES - 1) // 2)):
        splits = forest.splits(feature)
        for value in (splits.min(), np.nextafter(splits.max(), np.inf)) if splits.size else ():
            row = trained.neutral.copy()
            row[feature] = np.clip(value, -LARGEST, LARGEST)
            rows.append(row)
    return np.array(rows)
