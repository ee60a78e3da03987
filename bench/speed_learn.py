"""Artifacts for the bench: learned from five quiet minutes of the same loads, so that no detector may abstain."""

import gzip
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.speed_data import PARTITIONS, START_MS, Kind, Load, messages
from crosstide.train import train
from jobs.settings import load_pipeline

#: Event time that is learned from; it ends where the loads begin.
MINUTES = 5
KINDS: tuple[Kind, ...] = ("model-outputs", "telemetry")


def learned(
    folder: Path, services: int, rate: int, overrides: Sequence[str] = (), telemetry_rate: int | None = None,
    minutes: int = MINUTES,
) -> Path:  # fmt: skip
    """Learn into `folder`, unless that was done; answer the folder of artifacts.

    An input forest is learned for each service, which takes seconds: for thousands of services ask for a few, and let
    the others be judged by the windows' forest alone. That is said beside the figures.
    """
    artifacts = folder / "artifacts"
    if not (artifacts / "manifest.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        reference = folder / "reference"
        reference.mkdir(parents=True)
        for kind in KINDS:
            slower = telemetry_rate if kind == "telemetry" and telemetry_rate is not None else rate
            write(reference / f"{kind}.jsonl.gz", _quiet(kind, services, slower, minutes))
        train(reference, artifacts, load_pipeline(None, overrides))
        shutil.rmtree(reference)
    return artifacts


def _quiet(kind: Kind, services: int, rate: int, minutes: int) -> Load:
    count = minutes * 60 * rate
    return replace(Load(kind, services, rate, count), start_ms=START_MS - 1000 * 60 * minutes)


def write(path: Path, load: Load) -> None:
    """Write a load as a file of messages, in order of event time."""
    parts = [messages(load, partition) for partition in range(PARTITIONS)]
    with gzip.open(path, "wb", compresslevel=1) as out:
        for several in zip(*parts, strict=True):
            out.writelines(value + b"\n" for _, _, value in several)
