"""The world in which faults strike: a real broker, a real Flink, and the product's own watcher, in a folder of its own.

The watcher looks after JobManager and TaskManager as it does for users; the broker's return is the fault's own affair.
"""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from bench.faults_load import SETTINGS, topology
from crosstide.cluster import broker, flink, processes
from crosstide.cluster.kept import Kept, kept_job, write_kept
from crosstide.cluster.processes import Proc
from crosstide.cluster.reaper import is_worker, orphans
from crosstide.cluster.resume import begin
from crosstide.cluster.state import State, read_state, write_state
from crosstide.cluster.topics import create_topics, delete_topics, prefixed
from crosstide.cluster.watch import Watch
from crosstide.cluster.wheel import cluster_python
from jobs.settings import load_pipeline
from jobs.shape import shape_of


class World:
    """Started once for many faults. `overrides` of a job come after those of the load."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir.resolve()
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.topology = self.run_dir / "topology.yaml"
        self.topology.write_text(topology())
        try:
            self._start()
        except BaseException:  # an interrupt too must leave nothing behind
            processes.stop(processes.left_behind(self.run_dir))
            raise
        self.said: list[str] = []
        self.watch = Watch(self.run_dir, self.say, ("jobmanager", "taskmanager"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="watch")
        self._thread.start()

    def _start(self) -> None:
        python = cluster_python(self.run_dir)
        kafka = broker.launch(self.run_dir)
        cluster = flink.launch(self.run_dir, 2, python)
        broker.wait_ready(kafka, 300)
        flink.wait_ready(cluster, 300)
        write_state(self.run_dir, State(kafka, cluster, python))

    def _look(self) -> None:
        while not self._over.wait(0.5):
            try:
                self.watch.look()
            except Exception as error:  # as the watcher's own loop does
                self.say(f"{type(error).__name__}: {error}")

    def say(self, text: str) -> None:
        """Note what happened, and when."""
        self.said.append(f"{time.strftime('%H:%M:%S')} {text}")

    def close(self) -> None:
        """End everything."""
        self._over.set()
        self._thread.join(300)
        processes.stop(processes.left_behind(self.run_dir))

    @property
    def state(self) -> State:
        """Return what runs now."""
        state = read_state(self.run_dir)
        if state is None:
            raise LookupError("the world has ended")
        return state

    @property
    def bootstrap(self) -> str:
        """Return Kafka's address."""
        return self.state.broker.bootstrap

    def submit(
        self,
        name: str,
        prefix: str,
        overrides: Sequence[str] = (),
        start: str | None = None,
        parallelism: int = 0,
        settings: dict[str, str] | None = None,
    ) -> Kept:
        """Create the topics and submit the whole pipeline, as a job that is kept."""
        create_topics(self.bootstrap, prefixed(prefix))
        arguments = ["--bootstrap", self.bootstrap, "--name", name, "--prefix", prefix]
        arguments += ["--topology", str(self.topology)]
        words = [*SETTINGS, *overrides]
        arguments += [word for override in words for word in ("--set", override)]
        pipeline = load_pipeline(None, words, self.topology)
        kept = Kept(
            name=name, entry="pipeline", arguments=arguments, parallelism=parallelism, bootstrap=self.bootstrap,
            prefix=prefix, shape=shape_of(pipeline), job_ids=[], start=start, settings=settings or {},
        )  # fmt: skip
        return begin(kept, self.state, self.run_dir)

    def stop_job(self, name: str) -> str:
        """Stop a job with a savepoint; returns its place."""
        kept = kept_job(self.run_dir, name)
        write_kept(self.run_dir, msgspec.structs.replace(kept, wanted=False))
        folder = (self.state.flink.home / "savepoints").as_uri()
        place = self.state.flink.rest.savepoint(kept.job_id, folder, stop=True)
        self.state.flink.rest.wait_state(kept.job_id, "FINISHED", 60)
        return place

    def drop_job(self, name: str, prefix: str) -> None:
        """Cancel a job and delete its topics."""
        kept = kept_job(self.run_dir, name)
        write_kept(self.run_dir, msgspec.structs.replace(kept, wanted=False))
        self.state.flink.rest.cancel(kept.job_id)
        delete_topics(self.bootstrap, [topic.name for topic in prefixed(prefix)])

    def restarts(self, name: str) -> int:
        """Return how often the job restarted under its present id."""
        job_id = kept_job(self.run_dir, name).job_id
        return self.state.flink.rest.restarts(job_id)

    def kill(self, process: Proc) -> None:
        """SIGKILL a process that we started."""
        os.kill(process.pid, signal.SIGKILL)

    def workers(self) -> list[Proc]:
        """Return the Python workers of the living TaskManager."""
        left = {one.pid for one in orphans(self.run_dir)}
        return [one for one in processes.left_behind(self.run_dir)
                if one.name.startswith("python") and is_worker(one) and one.pid not in left]  # fmt: skip

    def restart_broker(self) -> None:
        """Start the broker again where it was, and wait until it answers."""
        state = self.state
        again = state.broker.again(self.run_dir)
        write_state(self.run_dir, msgspec.structs.replace(self.state, broker=again))
        broker.wait_ready(again, 300)

    def memory_mb(self) -> dict[str, float]:
        """Return the resident memory of each part, the Python workers together."""
        state = self.state
        parts = {"jobmanager": [state.flink.jobmanager], "taskmanager": [state.flink.taskmanager],
                 "python": self.workers(), "kafka": [state.broker.process]}  # fmt: skip
        return {name: sum(map(_resident_mb, found)) for name, found in parts.items()}

    def open_files(self) -> int:
        """Return how many files and sockets the TaskManager holds open."""
        return int(psutil.Process(self.state.flink.taskmanager.pid).num_fds())


def _resident_mb(process: Proc) -> float:
    try:
        return float(psutil.Process(process.pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
