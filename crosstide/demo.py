"""The demonstration: learn from the shipped reference, run on the shipped faulty recording, show the truth beside."""

from pathlib import Path
from typing import Any

from crosstide.progress import Progress
from crosstide.run import RunRequest, run
from crosstide.train import train
from jobs.artifacts import ArtifactError, load
from jobs.settings import load_pipeline


def recording() -> Path:
    """Return the shipped recording: `reference/` to learn from, `faulty/` to judge."""
    return Path(__file__).resolve().parent / "recordings" / "demo"


def learned(artifacts: Path) -> Path:
    """Return a folder of artifacts of the shipped reference, which are learned into it unless they are there."""
    reference = recording() / "reference"
    try:
        load(artifacts)
    except ArtifactError:
        train(reference, artifacts, load_pipeline(beside=reference))
    return artifacts


def demo(output: Path, progress: Progress) -> dict[str, Any]:
    """Train unless trained already, run, and answer the run's summary."""
    faulty = recording() / "faulty"
    progress.say("learning from the reference part of the recording")
    artifacts = learned(output / "artifacts")
    # every verdict is written, so that the report can draw the calm stretches too
    overrides = ["outputs.score_floor=0"]
    return run(RunRequest(faulty, output, artifacts, None, overrides, faulty / "truth.json"), progress)
