"""Keeps a local cluster running without a person: `python -m crosstide.cluster.watch RUN_DIR`.

A process that has gone is started again with the same configuration and ports; a job that its JobManager took along is
submitted again from its newest checkpoint; Python workers without a TaskManager are ended. It also serves `/metrics`.
What it does not do: watch itself (`crosstide cluster status` says when it is gone), or end a process that hangs.
"""

import argparse
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from crosstide.cluster import processes
from crosstide.cluster.broker import Broker
from crosstide.cluster.checkpoints import forget_older
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink import JOBMANAGER, TASKMANAGER, spawn
from crosstide.cluster.kept import Kept, kept_jobs, write_kept
from crosstide.cluster.reaper import reap
from crosstide.cluster.resume import resume
from crosstide.cluster.state import State, read_state, write_state

LOOK_S = 0.5
#: Orphans are looked for so often; each search reads the environment of every process.
REAP_S = 5.0
#: A job that cannot be submitted is tried again after so long, then twice that, up to five minutes.
RETRY_S, LONGEST_S = 2.0, 300.0

Part = Literal["kafka", "jobmanager", "taskmanager"]
PARTS: tuple[Part, ...] = ("kafka", "jobmanager", "taskmanager")
Say = Callable[[str], None]


class Watch:
    """One who looks after a run folder. `counts`: what was done so far, by name, for the metrics."""

    def __init__(self, run_dir: Path, say: Say, parts: Sequence[Part] = PARTS) -> None:
        self._run_dir, self._say, self._parts = run_dir.resolve(), say, parts
        self._reaped_at = 0.0
        self._tried: dict[str, tuple[float, float]] = {}
        self.counts: dict[str, int] = {**dict.fromkeys(parts, 0), "orphans": 0, "jobs": 0}

    def look(self) -> None:
        """Look once, and do what is needed. Does nothing while no cluster was started from the folder."""
        state = read_state(self._run_dir)
        if state is None:
            return
        state = self._revived(state)
        if time.monotonic() - self._reaped_at > REAP_S:
            self._reap()
        for kept in kept_jobs(self._run_dir):
            if kept.wanted:
                self._tend(kept, state)

    def _revived(self, state: State) -> State:
        """Start again what has gone; the state file then names the new processes."""
        started: dict[Part, processes.Proc | Broker] = {}
        for part in self._parts:
            if self._process(state, part).alive():
                continue
            self._say(f"{part} ({self._process(state, part).pid}) has gone: starting it again")
            self.counts[part] += 1
            if part == TASKMANAGER:
                self._reap()
            started[part] = state.broker.again(self._run_dir) if part == "kafka" else spawn(part, self._run_dir)
        if not started:
            return state
        # read anew, and only these changed: others may have written meanwhile
        newest = read_state(self._run_dir) or state
        for part, what in started.items():
            if isinstance(what, Broker):
                newest = msgspec.structs.replace(newest, broker=what)
            else:
                newest = msgspec.structs.replace(newest, flink=newest.flink.with_process(part, what))
        write_state(self._run_dir, newest)
        return newest

    @staticmethod
    def _process(state: State, part: Part) -> processes.Proc:
        by_part = {"kafka": state.broker.process, JOBMANAGER: state.flink.jobmanager}
        return by_part.get(part, state.flink.taskmanager)

    def _reap(self) -> None:
        reaped = reap(self._run_dir)
        self._reaped_at = time.monotonic()
        self.counts["orphans"] += len(reaped)
        if reaped:
            self._say("ended without a TaskManager: " + ", ".join(f"{one.name} ({one.pid})" for one in reaped))

    def _tend(self, kept: Kept, state: State) -> None:
        """Submit a job again that the cluster does not know any more, or that has failed for good."""
        try:
            known = {str(job["jid"]): str(job["state"]) for job in state.flink.rest.jobs()}
        except ClusterError:
            return  # a JobManager that is starting
        found = known.get(kept.job_id)
        if found in ("FINISHED", "CANCELED"):
            self._say(f"job {kept.name} is {found}: somebody ended it")
            write_kept(self._run_dir, msgspec.structs.replace(kept, wanted=False))
        elif found is None or found == "FAILED":
            self._resume(kept, state)
        elif found == "RUNNING":
            self._tried.pop(kept.name, None)
            if len(kept.job_ids) > 1 and forget_older(state.flink.home / "checkpoints", kept.job_ids):
                write_kept(self._run_dir, msgspec.structs.replace(kept, job_ids=kept.job_ids[-1:]))

    def _resume(self, kept: Kept, state: State) -> None:
        next_at, wait_s = self._tried.get(kept.name, (0.0, RETRY_S))
        if time.monotonic() < next_at:
            return
        try:
            job_id, start = resume(kept, state, self._run_dir)
        except (ClusterError, OSError) as error:
            self._say(f"job {kept.name} could not be submitted again, next try in {wait_s:.0f} s: {error}")
            return
        finally:
            # forgotten when the job runs: one that fails as soon as it was taken must not be submitted without a pause
            self._tried[kept.name] = (time.monotonic() + wait_s, min(2 * wait_s, LONGEST_S))
        self.counts["jobs"] += 1
        self._say(f"job {kept.name} goes on as {job_id} from {start or 'the beginning'}")


def main() -> None:
    """Look until asked to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    run_dir: Path = parser.parse_args().run_dir
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    watch = Watch(run_dir, lambda text: print(f"{time.strftime('%H:%M:%S')} {text}", flush=True))
    _serve_metrics(run_dir, watch)
    while not stop.wait(LOOK_S):
        try:
            watch.look()
        except Exception as error:  # whoever keeps others alive must not die of them; what it was is in the log
            print(f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}", flush=True)


def _serve_metrics(run_dir: Path, watch: Watch) -> None:
    from crosstide.cluster.exporter import Watched, serve

    state = read_state(run_dir)
    if state is not None and state.metrics_port:
        serve(f"127.0.0.1:{state.metrics_port}", Watched(run_dir, watch.counts))


if __name__ == "__main__":
    main()
