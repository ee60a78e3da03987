"""The main job over files: stage, run in an embedded mini-cluster, gather, summarise, report."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crosstide.outputs import Accounts, gather, write_incidents
from crosstide.progress import Progress
from crosstide.report.page import write_report
from jobs.artifacts import load
from jobs.feed import UnreadableError, input_files
from jobs.java import use_java
from jobs.settings import config_sha256, load_pipeline
from jobs.staging import Staged, stage
from models.artifact import Artifacts
from models.config import Pipeline
from models.intake import TopicName
from models.packets import Packet

#: Staged lines and parts take about as much room as the input does uncompressed; below this nothing is begun.
LEAST_FREE_BYTES = 500 * 1024 * 1024


class InputError(ValueError):
    """The command cannot begin: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class RunRequest:
    """What `crosstide run` was asked for."""

    input: Path
    output: Path
    artifacts: Path | None
    config: Path | None
    overrides: Sequence[str]
    truth: Path | None = None


def run(request: RunRequest, progress: Progress) -> dict[str, Any]:
    """Run the job; answers the summary that it has written. Raises InputError before anything is read."""
    began = time.monotonic()
    files = _inputs(request)
    pipeline = load_pipeline(request.config, request.overrides, beside=request.input)
    artifacts = load(request.artifacts) if request.artifacts else Artifacts.empty()
    use_java()
    work = request.output.resolve() / ".work"
    shutil.rmtree(work, ignore_errors=True)
    try:
        try:
            staged = _stage(files, work, pipeline, progress)
        except UnreadableError as error:
            raise InputError(str(error)) from error
        incidents, accounts = _execute(staged, work, pipeline, artifacts, progress)
        written = gather(work / "raw", request.output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    write_incidents(incidents, request.output / "incidents.jsonl")
    summary = _summary(pipeline, artifacts, accounts, incidents, written, time.monotonic() - began)
    (request.output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    progress.say("writing the report")
    write_report(request.output, request.input, request.truth)
    return summary


def _inputs(request: RunRequest) -> dict[TopicName, Path]:
    if not request.input.is_dir():
        raise InputError(f"{request.input} is not a folder; --input takes the folder that holds model-outputs.jsonl")
    files = input_files(request.input)
    if not files:
        raise InputError(
            f"{request.input} holds none of model-outputs.jsonl, telemetry.jsonl, labels.jsonl, changes.jsonl (or .gz)"
        )
    try:
        request.output.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(request.output).free
    except OSError as error:
        raise InputError(f"{request.output} cannot be written: {error.strerror}; choose another --output") from error
    needed = LEAST_FREE_BYTES + 2 * sum(path.stat().st_size for path in files.values())
    if free < needed:
        raise InputError(f"{request.output} has {free >> 20} MB free, {needed >> 20} MB are needed: free some room")
    return files


def _stage(files: dict[TopicName, Path], work: Path, pipeline: Pipeline, progress: Progress) -> dict[TopicName, Staged]:
    now_ms = int(time.time() * 1000)
    staged: dict[TopicName, Staged] = {}
    for topic, path in files.items():
        with progress.counting(f"reading {path.name}") as count:
            staged[topic] = stage(path, work / "staged" / topic, pipeline.windows, now_ms, count)
    return staged


def _execute(
    staged: dict[TopicName, Staged], work: Path, pipeline: Pipeline, artifacts: Artifacts, progress: Progress
) -> tuple[list[Packet], Accounts]:
    # imported here: these start Java, and an error in the input should not wait for that
    from jobs.environment import local_environment
    from jobs.graph import Plan, build
    from jobs.sinks import follow, write_files
    from jobs.sources import FileSource

    incidents: list[Packet] = []
    accounts = Accounts()
    total = sum(topic.messages for topic in staged.values())
    with progress.running("starting Flink", total) as shown:
        table_env = local_environment({})
        plan = Plan(pipeline, artifacts, tuple(staged), replay=True)
        packets = build(table_env, FileSource(work / "staged"), plan)
        write_files(table_env, packets, work / "raw")
        for packet in follow(packets, pipeline.outputs.job):
            if packet.topic == "state":
                accounts.take(packet)
                shown.reached(accounts.consumed)
            else:
                incidents.append(packet)
                shown.incident(json.loads(packet.value))
    return incidents, accounts


def _summary(
    pipeline: Pipeline,
    artifacts: Artifacts,
    accounts: Accounts,
    incidents: Sequence[Packet],
    written: dict[str, int],
    elapsed_s: float,
) -> dict[str, Any]:
    names = {json.loads(packet.value)["subject"] for packet in incidents}
    windows = pipeline.windows
    return {
        "schema_version": 1,
        "job": pipeline.outputs.job,
        "windows": {"pane_ms": windows.pane, "size_ms": windows.size, "slide_ms": windows.slide_ms},
        "clear_after_ms": pipeline.clearing.after,
        "config_sha256": config_sha256(pipeline),
        "artifacts": artifacts.id or None,
        "topics": accounts.by_topic(),
        "lines": {**written, "incidents": len(incidents)},
        "incidents": len(names),
        "elapsed_s": round(elapsed_s, 1),
        "versions": {name: version(name) for name in ("crosstide", "apache-flink", "numpy", "pyod")},
    }
