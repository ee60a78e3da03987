"""One run of one variant: submitted or started, watched to its end, measured."""

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer

from bench.speed_data import Load
from bench.speed_env import ROOT, peer_environment
from bench.speed_meter import Meter
from bench.speed_site import Site, partitions_of
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.submit import Submission
from crosstide.cluster.submit import submit as flink_run

DEADLINE_S = 3600.0
#: Fifty input forests are checked and packed by the client, which takes minutes where others use the machine too.
SUBMIT_S = 900.0


@dataclass(frozen=True)
class Measured:
    """What a run took. `wall_s` ends with the last record written: a job's own end waits for a checkpoint.

    `cpu_s`: JVMs and Python workers of Flink (no broker, no client), or a peer's processes. Memory in MB, at its peak.
    """

    messages: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    parts_mb: dict[str, float]
    written: int
    state_bytes: int = 0
    checkpoint_ms: int = 0


@dataclass
class Watch:
    """Notices when the last record came to some topics; `look` is called by one thread at a time."""

    bootstrap: str
    topics: Sequence[str]
    written: int = 0
    changed_at: float = field(default_factory=time.time)
    _consumer: Any = None
    _partitions: Any = None

    def look(self) -> None:
        """Count what is there now."""
        if self._consumer is None:
            self._consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
            self._partitions = partitions_of(self._consumer, self.topics)
        total = sum(self._consumer.end_offsets(self._partitions).values())
        if total != self.written:
            self.written, self.changed_at = total, time.time()

    def close(self) -> None:
        """Let go of the broker."""
        if self._consumer is not None:
            self._consumer.close()


@dataclass(frozen=True)
class FlinkJob:
    """An entry file and its arguments for a load and an output topic."""

    entry: Callable[[Site, Load], Path]
    arguments: Callable[[Site, Load, str], list[str]]
    #: our own job writes to topics of its own, the others to the one that they are told
    own_outputs: bool = False


def submit(site: Site, cluster: FlinkCluster, job: FlinkJob, load: Load) -> str:
    """Submit a job from a folder where no checkout is found by luck; answer its id."""
    work = site.run_dir / "elsewhere"
    work.mkdir(exist_ok=True)
    arguments = job.arguments(site, load, output_of(load))
    what = Submission(job.entry(site, load), arguments, site.python)
    return flink_run(cluster.home / "conf", f"127.0.0.1:{cluster.rest_port}", what, work, SUBMIT_S)


def output_of(load: Load) -> str:
    """Name the topic that everybody but our own job writes to."""
    return load.prefix + "model-scores"


def roots_of(cluster: FlinkCluster) -> dict[str, int]:
    """Name the processes whose trees are the cluster."""
    return {"jobmanager": cluster.jobmanager.pid, "taskmanager": cluster.taskmanager.pid}


def run_job(site: Site, cluster: FlinkCluster, job: FlinkJob, load: Load) -> Measured:
    """Run a bounded job on a load to its end. Raises ClusterError where it fails."""
    outputs = site.empty_outputs(load)
    watch = Watch(site.bootstrap, outputs if job.own_outputs else [output_of(load)])
    with Meter(roots_of(cluster), watch.look) as meter:
        job_id = submit(site, cluster, job, load)
        cluster.rest.wait_finished(job_id, DEADLINE_S)
    watch.close()
    begun = cluster.rest.get(f"/jobs/{job_id}")["timestamps"]["RUNNING"] / 1000
    wall_s, (size, took) = watch.changed_at - begun, checkpoints(cluster, job_id)
    return Measured(load.count, wall_s, meter.cpu_s, meter.peak_mb, meter.parts_mb, watch.written, size, took)


def checkpoints(cluster: FlinkCluster, job_id: str) -> tuple[int, int]:
    """Return the largest state (bytes) and the longest time (ms, end to end) of a job's completed checkpoints."""
    told = cluster.rest.get(f"/jobs/{job_id}/checkpoints")
    done = [one for one in told["history"] if one["status"] == "COMPLETED"]
    size = max((one["state_size"] for one in done), default=0)
    return int(size), int(max((one["end_to_end_duration"] for one in done), default=0))


def run_peers(site: Site, load: Load, commands: Callable[[Site, Load, str], Sequence[Sequence[str]]]) -> Measured:
    """Run a peer's processes to their end. Raises RuntimeError where one fails."""
    site.empty_outputs(load)
    watch = Watch(site.bootstrap, [output_of(load)])
    # what Bytewax' command line has no place for
    told = {"BENCH_BOOTSTRAP": site.bootstrap, "BENCH_TOPIC": load.topic, "BENCH_OUTPUT": output_of(load)}
    used, begun = _children_s(), time.time()
    started = [
        subprocess.Popen([str(site.peers.python), *command], cwd=ROOT, env=peer_environment() | told)
        for command in commands(site, load, output_of(load))
    ]
    with Meter({f"process {number}": process.pid for number, process in enumerate(started)}, watch.look) as meter:
        codes = [process.wait(DEADLINE_S) for process in started]
    cpu_s = _children_s() - used
    watch.look()
    watch.close()
    site.drop("changelog__")
    if any(codes):
        raise RuntimeError(f"a peer ended with {codes}")
    return Measured(load.count, watch.changed_at - begun, cpu_s, meter.peak_mb, meter.parts_mb, watch.written)


def _children_s() -> float:
    """Return the CPU seconds of all children that have ended: exact, however short they lived."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
