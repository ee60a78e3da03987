"""`inputs.outlier_share`: the share of sampled requests whose feature vector the pretrained forest calls strange."""

from dataclasses import replace

import numpy as np

from models.artifact import TrainedForest
from models.frame import Floats, Frame, Sample

SIGNAL = "inputs.outlier_share"


def with_outlier_share(frame: Frame, forests: dict[str, TrainedForest]) -> Frame:
    """Answer the frame with one more row for each subject that has samples and a forest `inputs/<service>`."""
    rows = [
        (subject, *_share(sample, trained))
        for subject, sample in sorted(frame.samples.items())
        if len(sample.vectors) and (trained := forests.get(f"inputs/{subject.partition('/')[2]}")) is not None
    ]
    if not rows:
        return frame
    subjects, shares, counts = zip(*rows, strict=True)
    smoothed = (np.array(shares) * np.array(counts) + 1) / (np.array(counts) + 2)
    return replace(
        frame,
        subjects=[*frame.subjects, *subjects],
        signals=[*frame.signals, *([SIGNAL] * len(rows))],
        values=np.concatenate([frame.values, shares]),
        counts=np.concatenate([frame.counts, np.array(counts, np.int64)]),
        errors=np.concatenate([frame.errors, np.sqrt(smoothed * (1 - smoothed) / (np.array(counts) + 2))]),
    )


def _share(sample: Sample, trained: TrainedForest) -> tuple[float, int]:
    strange = trained.forest.score(vectors_for(sample, trained)) > trained.threshold
    return float(strange.mean()), len(strange)


def vectors_for(sample: Sample, trained: TrainedForest) -> Floats:
    """Put a sample's vectors in the order that the forest was trained with; what is absent is neutral."""
    column = {name: place for place, name in enumerate(sample.features)}
    vectors = np.full((len(sample.vectors), len(trained.features)), np.nan)
    known = [place for place, name in enumerate(trained.features) if name in column]
    vectors[:, known] = sample.vectors[:, [column[trained.features[place]] for place in known]]
    return np.where(np.isnan(vectors), trained.neutral, vectors)
