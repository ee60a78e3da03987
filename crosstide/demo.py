"""The demonstration: learn from the shipped reference, run on a shipped faulty recording, show the truth beside."""

from pathlib import Path
from typing import Any

from crosstide.progress import Progress
from crosstide.run import RunRequest, run
from crosstide.train import train
from jobs.artifacts import ArtifactError, load
from jobs.settings import load_pipeline

_RECORDINGS = Path(__file__).resolve().parent / "recordings"
#: Shipped recordings of the lab: a quiet one to learn from, and one with faults and their truth.
REFERENCE, FAULTY = _RECORDINGS / "reference", _RECORDINGS / "tuning-1"


def learned(artifacts: Path, reference: Path = REFERENCE) -> Path:
    """Return a folder of artifacts of a reference, which are learned into it unless they are there."""
    try:
        load(artifacts)
    except ArtifactError:
        train(reference, artifacts, load_pipeline(beside=reference))
    return artifacts


def demo(output: Path, progress: Progress, reference: Path = REFERENCE, faulty: Path = FAULTY) -> dict[str, Any]:
    """Train unless trained already, run, and answer the run's summary."""
    progress.say("learning from the reference recording")
    artifacts = learned(output / "artifacts", reference)
    # every verdict is written, so that the report can draw the calm stretches too
    overrides = ["outputs.score_floor=0"]
    return run(RunRequest(faulty, output, artifacts, None, overrides, faulty / "truth.json"), progress)
