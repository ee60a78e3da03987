"""What drift is counted from in one window of one service; it travels with the frame, beside the signals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.frame import Floats, Ints, Sample


@dataclass(frozen=True)
class Observed(Sample):
    """A sample of feature vectors, with counts over the `n` answers that owe features, of which
    `with_features` carried some.

    `present` answers by feature (a null is not present); `confidence` [256] by linear bin (`models.histogram`);
    `classes` answers by class; `predictions` [k] numeric predictions of a bounded sample.
    """

    n: int
    with_features: int
    present: dict[str, int]
    confidence: Ints
    classes: dict[str, int]
    predictions: Floats


def merged(samples: Sequence[Observed]) -> Observed:
    """Put windows of one service together (at least one)."""
    names = sorted({name for sample in samples for name in sample.features})
    place = {name: at for at, name in enumerate(names)}
    vectors = np.full((sum(len(sample.vectors) for sample in samples), len(names)), np.nan)
    start = 0
    present: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    for sample in samples:
        vectors[start : start + len(sample.vectors), [place[name] for name in sample.features]] = sample.vectors
        start += len(sample.vectors)
        present.update(sample.present)
        classes.update(sample.classes)
    return Observed(
        features=names,
        vectors=vectors,
        n=sum(sample.n for sample in samples),
        with_features=sum(sample.with_features for sample in samples),
        present=dict(present),
        confidence=np.sum([sample.confidence for sample in samples], axis=0, dtype=np.int64),
        classes=dict(classes),
        predictions=np.concatenate([sample.predictions for sample in samples]),
    )
