"""A live job on a paced stream: the loads, the job with a shipped profile, feeders that keep the pace of event time."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from bench.speed_data import PARTITIONS, START_MS, Fault, Load
from bench.speed_env import ROOT
from bench.speed_run import FlinkJob, submit
from bench.speed_site import Site
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.wheel import site_packages

#: Answers and telemetry a second; the faults keep ten of fifty services busy one after another.
RATE, TELEMETRY_RATE, SERVICES = 2_000, 200, 50
FAULT_EVERY_S, FAULT_S, FAULTS_FROM_S = 8, 12, 30
#: The profile of flink-conf/ that each delivery guarantee is measured with.
PROFILES = {"at-least-once": "profile-low-latency.yaml", "exactly-once": "profile-exactly-once.yaml"}
#: Short windows give many ends.
DISORDER_MS = 1_000
OVERRIDES = (
    "windows.pane=1s", "windows.size=2s", f"windows.out_of_orderness={DISORDER_MS}ms", "windows.idle_timeout=2s",
)  # fmt: skip
START_S = 120.0


def live_loads(seconds: int, start_ms: int = START_MS) -> tuple[Load, Load]:
    """Answer the two streams of a live run: answers with faults in them, and telemetry."""
    starts = range(FAULTS_FROM_S, seconds - FAULT_S, FAULT_EVERY_S)
    faults = tuple(
        Fault(5 * number % SERVICES, start_ms + 1000 * at, start_ms + 1000 * (at + FAULT_S))
        for number, at in enumerate(starts)
    )
    answers = Load("model-outputs", SERVICES, RATE, RATE * seconds, 0, start_ms, faults, "live")
    telemetry = Load("telemetry", SERVICES, TELEMETRY_RATE, TELEMETRY_RATE * seconds, 0, start_ms, (), "live")
    return answers, telemetry


def profile(guarantee: str) -> list[str]:
    """Read the shipped profile of a guarantee: KEY=VALUE of Flink's settings."""
    settings = YAML(typ="safe").load(ROOT / "flink-conf" / PROFILES[guarantee])
    return [f"{key}={value}" for key, value in settings.items()]


def live_job(artifacts: Path, guarantee: str, prefix: str) -> FlinkJob:
    """Answer the whole pipeline as it runs in production, with the profile of a guarantee."""

    def arguments(site: Site, _load: Load, _output: str) -> list[str]:
        told = ["--bootstrap", site.bootstrap, "--prefix", prefix, "--artifacts", str(artifacts)]
        told += ["--guarantee", guarantee, "--name", f"live-{guarantee}"]
        told += [word for override in OVERRIDES for word in ("--set", override)]
        return told + [word for setting in profile(guarantee) for word in ("--flink", setting)]

    return FlinkJob(lambda site, _load: site_packages(site.python) / "jobs" / "pipeline.py", arguments, True)


@contextmanager
def feeding(site: Site, loads: Sequence[Load], logs: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Feed loads at the pace of their event time, each partition by a process; ends them with the block."""
    started = [
        site.feeder(load, partition, "--paced", "--log", str(logs / f"{load.kind}-{partition}"))
        for load in loads
        for partition in range(PARTITIONS)
    ]
    try:
        yield started
    finally:
        for feeder in started:
            feeder.terminate()
            feeder.wait()


def start(site: Site, cluster: FlinkCluster, job: FlinkJob, load: Load) -> str:
    """Submit a live job and return its id once it runs on all its tasks. Raises TimeoutError."""
    job_id = submit(site, cluster, job, load)
    deadline = time.monotonic() + START_S
    while not all(task["status"] == "RUNNING" for task in cluster.rest.get(f"/jobs/{job_id}")["vertices"]):
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {job_id} did not run within {START_S:.0f} s")
        time.sleep(0.2)
    return job_id


def fresh(site: Site, load: Load) -> None:
    """Empty every topic of a live run."""
    site.drop(load.prefix)
    site.empty_outputs(load)
