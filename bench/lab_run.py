"""Learning from a reference and judging recordings, in at most two processes; the same code for every part."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from bench.lab_counts import Counts
from bench.lab_ours import judge_incidents
from bench.lab_truth import truth_of
from bench.rivals import Limits, limits_of, static_alerts, z_alerts
from bench.rivals_judge import judge_alerts
from crosstide.backtest import backtest
from crosstide.reference import frames_of
from crosstide.train import train
from jobs.artifacts import load
from jobs.feed import input_files
from jobs.settings import config_sha256, load_pipeline
from jobs.stages import STREAM_OF
from models.config import Pipeline

PROCESSES = 2


@dataclass(frozen=True)
class Learned:
    """What a reference gives: the folder of artifacts, their id, and the rivals' thresholds."""

    artifacts: Path
    id: str
    limits: Mapping[str, Limits]
    config_sha256: str


@dataclass(frozen=True)
class Task:
    """One recording to judge; `leave_out`, `put_in`: a kind of detector to do without or with, and then no rivals."""

    folder: Path
    learned: Learned
    leave_out: str | None = None
    put_in: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Counts of the pipeline and, by name, of the rivals."""

    ours: Counts = field(default_factory=Counts)
    rivals: Mapping[str, Counts] = field(default_factory=dict)

    def __add__(self, other: "Outcome") -> "Outcome":
        names = dict.fromkeys([*self.rivals, *other.rivals])
        pooled = {n: self.rivals.get(n, Counts()) + other.rivals.get(n, Counts()) for n in names}
        return Outcome(self.ours + other.ours, pooled)


def learn(reference: Path, artifacts: Path) -> Learned:
    """Learn artifacts and thresholds from a folder of messages. Raises what `crosstide.train.train` raises."""
    pipeline = load_pipeline(beside=reference)
    trained, _ = train(reference, artifacts, pipeline)
    now_ms = int(time.time() * 1000)
    frames = [
        frame
        for topic, path in input_files(reference).items()
        if topic in STREAM_OF
        for frame in frames_of(path, topic, pipeline, now_ms)
    ]
    return Learned(artifacts, trained.id, limits_of(frames), config_sha256(load_pipeline()))


def judge(task: Task) -> Outcome:
    """Replay a recording and hold what was said against its truth."""
    pipeline = with_kind(without(load_pipeline(beside=task.folder), task.leave_out), task.put_in)
    truth = truth_of(task.folder, pipeline)
    done = backtest(pipeline, load(task.learned.artifacts), task.folder, int(time.time() * 1000))
    ours = judge_incidents(truth, done.incidents)
    if task.leave_out is not None or task.put_in is not None:
        return Outcome(ours)
    alerts = {
        "static": static_alerts(done.frames, task.learned.limits, truth.window_ms),
        "zscore": z_alerts(done.frames, truth.window_ms),
    }
    return Outcome(ours, {name: judge_alerts(truth, sent) for name, sent in alerts.items()})


def kinds_of(pipeline: Pipeline) -> list[str]:
    """Name the kinds of detectors that the configuration uses, in its order."""
    listed = [*pipeline.detectors.model, *pipeline.detectors.infra]
    return list(dict.fromkeys(str(entry["kind"]) for entry in listed))


def without(pipeline: Pipeline, kind: str | None) -> Pipeline:
    """Leave a kind of detector out of both lists."""
    lists = pipeline.detectors
    kept = {name: [d for d in getattr(lists, name) if d["kind"] != kind] for name in ("model", "infra")}
    return pipeline.model_copy(update={"detectors": lists.model_copy(update=kept)})


def with_kind(pipeline: Pipeline, kind: str | None) -> Pipeline:
    """Put a kind of detector into both lists."""
    if kind is None:
        return pipeline
    lists = pipeline.detectors
    more = {name: [*getattr(lists, name), {"kind": kind}] for name in ("model", "infra")}
    return pipeline.model_copy(update={"detectors": lists.model_copy(update=more)})


def judge_all(tasks: Sequence[Task], said: Callable[[Task], None], processes: int = PROCESSES) -> list[Outcome]:
    """Judge every task, in processes of their own where there are several; `said` hears of each that is done."""
    outcomes: dict[int, Outcome] = {}
    for at, outcome in _done(tasks, processes):
        outcomes[at] = outcome
        said(tasks[at])
    return [outcomes[at] for at in range(len(tasks))]


def _done(tasks: Sequence[Task], processes: int) -> Iterator[tuple[int, Outcome]]:
    if processes == 1 or len(tasks) == 1:
        yield from ((at, judge(task)) for at, task in enumerate(tasks))
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        places = {pool.submit(judge, task): at for at, task in enumerate(tasks)}
        yield from ((places[future], future.result()) for future in as_completed(places))


def pooled(outcomes: Iterable[Outcome]) -> Outcome:
    """Add outcomes up."""
    return sum(outcomes, Outcome())
