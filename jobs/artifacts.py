"""Artifacts on disk: a directory with one skops file for each forest, `baseline.json`, and `manifest.json`.

Reading verifies everything before anything is used: sizes, sha256, the manifest's own digest, library versions, types
against our own list, the trees' structure, widths, and the scores of canaries, by PyOD and by the flat forest alike.
No pickle is read. What the digests do not give is authorship: whoever may write the directory may replace all of it.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from jobs.artifact_files import read_manifest, read_stored
from jobs.artifact_forest import describe, tail_of
from jobs.artifact_manifest import (
    BASELINE,
    MANIFEST,
    ArtifactError,
    Manifest,
    Stored,
    StoredForest,
    library_versions,
    sealed,
)
from jobs.artifact_model import fit_forest, flatten
from jobs.artifact_skops import packed, unpacked
from models.artifact import Artifacts, SeriesBaseline, TrainedForest
from models.drift import DriftSeries

if TYPE_CHECKING:
    from pyod.models.iforest import IForest

__all__ = ["ArtifactError", "fit_forest", "load", "save"]

#: How far a canary's score may be from the stored one: rounding of another processor's exponential.
TOLERANCE = 1e-9


class _Baseline(Struct, frozen=True, forbid_unknown_fields=True):
    """`baseline.json`."""

    baselines: dict[str, SeriesBaseline]
    inflation: dict[str, float]
    drift: dict[str, dict[str, DriftSeries]] = {}


def save(
    directory: Path,
    forests: Sequence[tuple["IForest", TrainedForest]],
    *,
    baselines: Mapping[str, SeriesBaseline],
    inflation: Mapping[str, float],
    drift: Mapping[str, Mapping[str, DriftSeries]],
    span: tuple[int, int],
) -> Artifacts:
    """Write a training's result, then load it again, so that what is on disk is known to be accepted.

    The directory is made where missing; forests of an earlier training in it are removed. The same training writes the
    same bytes. Raises ValueError for numbers that are not finite, OSError where the disk refuses.
    """
    frozen = {subject: dict(profile) for subject, profile in drift.items()}
    Artifacts({}, dict(baselines), dict(inflation), span, "", frozen)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MANIFEST).unlink(missing_ok=True)
    for old in directory.glob("forest-*.skops"):
        old.unlink()
    ordered = sorted(forests, key=lambda pair: pair[1].name)
    described = [
        describe(trained, _write(directory, f"forest-{at}.skops", packed(model)))
        for at, (model, trained) in enumerate(ordered)
    ]
    body = msgspec.json.encode(_Baseline(dict(baselines), dict(inflation), frozen), order="deterministic")
    stored = _write(directory, BASELINE, body)
    manifest = Manifest(schema_version=1, libraries=library_versions(), span=span, forests=described, baseline=stored)
    # last: a directory without a manifest is one whose training did not finish
    _write(directory, MANIFEST, msgspec.json.format(msgspec.json.encode(sealed(manifest), order="deterministic")))
    return load(directory)


def _write(directory: Path, name: str, data: bytes) -> Stored:
    (directory / name).write_bytes(data)
    return Stored(name, len(data), sha256(data).hexdigest())


def load(directory: Path) -> Artifacts:
    """Read and verify a directory that `save` wrote; ArtifactError names the file and the reason it is refused for."""
    manifest = read_manifest(directory)
    baseline = _baseline(directory, manifest.baseline)
    forests = {stored.name: _forest(directory, stored) for stored in manifest.forests}
    try:
        return Artifacts(
            forests, baseline.baselines, baseline.inflation, manifest.span, manifest.digest[:16], baseline.drift
        )
    except ValueError as error:
        raise ArtifactError(MANIFEST, str(error)) from None


def _baseline(directory: Path, stored: Stored) -> _Baseline:
    try:
        return msgspec.json.decode(read_stored(directory, stored), type=_Baseline)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ArtifactError(stored.file, f"is not a baseline: {error}") from None


def _forest(directory: Path, stored: StoredForest) -> TrainedForest:
    file = stored.stored.file
    data = read_stored(directory, stored.stored)
    try:
        model = unpacked(data)
        trained = TrainedForest(
            stored.name, tuple(stored.features), flatten(model), tail_of(stored.tail), stored.threshold,
            np.array(stored.neutral, dtype=np.float64), stored.stored.sha256,
        )  # fmt: skip
        _check_canaries(model, trained, stored)
    except Exception as error:  # a file made by someone else may raise anything: each is a refusal, never a traceback
        raise ArtifactError(file, f"refused: {error or type(error).__name__}") from error
    return trained


def _check_canaries(model: "IForest", trained: TrainedForest, stored: StoredForest) -> None:
    rows = np.array(stored.canaries, dtype=np.float64)
    flat, pyod = trained.forest.score(rows), np.asarray(model.decision_function(rows))
    expected = np.array(stored.canary_scores)
    if flat.shape != expected.shape:
        raise ValueError(f"{len(flat)} canaries, but {len(expected)} scores")
    for name, scores in (("PyOD", pyod), ("the flat forest", flat)):
        worst = float(np.max(np.abs(scores - expected)))
        if not isfinite(worst) or worst > TOLERANCE:
            raise ValueError(f"canary scores by {name} differ from the manifest's by {worst:.3g}")
