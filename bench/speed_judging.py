"""What judging costs: microseconds of CPU for each service and window, by stage, without Flink.

`python -m bench.speed_judging` closes windows of one hash bucket that has a history, and writes their lines; the wall
clock of a busy machine does not count, only the CPU time of this thread. Nothing is read or sent, and the state that
an operator writes now and then is shown by its size.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from bench.speed_judging_data import Case, trained, window_blobs
from bench.speed_judging_stages import Stages
from jobs.settings import load_pipeline
from models.bucket import Bucket
from models.bucket_memory import Memory, encode
from models.config import Pipeline
from models.scorer import Scorer
from models.scores import Stream

#: Windows before those that are measured: the expectation's history is full by then. And windows that are measured.
HISTORY, MEASURED = 32, 10


def measure(case: Case, pipeline: Pipeline) -> tuple[dict[str, float], int, float]:
    """Judge the windows of a case: stage -> microseconds, bytes of memory for each service, lines for each service."""
    scorer = Scorer.of(case.stream, pipeline, trained(case, pipeline))
    stages, size = Stages(), pipeline.windows.size
    bucket = Bucket[Any](case.stream, pipeline, scorer.judge)
    memory: Memory[Any] | None = None
    lines = 0
    with stages.around(bucket, scorer) as close:
        for window, blobs in window_blobs(case, pipeline, HISTORY + MEASURED):
            stages.counting = window >= HISTORY
            end_ms = blobs[0][0] + size
            closed = close(memory, blobs, end_ms)
            memory = closed.memory
            lines += sum(len(judged.scores) for judged in closed.judged) if stages.counting else 0
    assert memory is not None, "a bucket that was heard of remembers something"
    told = {name: 1e6 * seconds / MEASURED / case.services for name, seconds in stages.seconds.items()}
    return told, len(encode(memory)) // case.services, lines / MEASURED / case.services


def report(case: Case, pipeline: Pipeline) -> None:
    """Print one case."""
    told, size, lines = measure(case, pipeline)
    total, fold = sum(told.values()), told.get("fold", 0.0) + told.get("merge", 0.0)
    print(f"{case}: {total - fold:.0f} us, and {fold:.0f} to fold; {size} B of memory, {lines:.1f} lines")
    parts = sorted(told.items(), key=lambda part: -part[1])
    print("   " + ", ".join(f"{name} {cost:.1f}" for name, cost in parts if cost >= 0.5), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed_judging", description=__doc__)
    parser.add_argument("--services", type=int, nargs="+", default=[1, 7, 80, 700], help="services of the bucket")
    streams: tuple[Stream, ...] = ("model", "infra")
    parser.add_argument("--streams", nargs="+", choices=streams, default=streams)
    parser.add_argument("--trained", nargs="+", choices=("no", "yes", "inputs"), default=("no", "yes"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override the configuration")
    asked = parser.parse_args(arguments)
    pipeline = load_pipeline(None, asked.set)
    for stream in asked.streams:
        for learned in asked.trained:
            for services in asked.services:
                if stream == "model" or learned != "inputs":
                    report(Case(stream, services, learned), pipeline)


if __name__ == "__main__":
    main()
