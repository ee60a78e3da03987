"""Keeps jobs running: one that its JobManager took along, or that failed for good, is submitted again.

Submissions run in threads of their own. Each takes a client's start, ten seconds and more; whoever waited for it could
not notice meanwhile that a process has gone.
"""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from crosstide.cluster.checkpoints import forget_older
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.kept import Kept, kept_jobs, write_kept
from crosstide.cluster.processes import Say
from crosstide.cluster.resume import resume
from crosstide.cluster.state import State
from jobs.alone import ENDED

#: A job that cannot be submitted is tried again after so long, then twice that, up to five minutes.
RETRY_S, LONGEST_S = 2.0, 300.0


class Tender:
    """Looks after the kept jobs of a run folder; used by one thread. `submitted`: how many were submitted again."""

    def __init__(self, run_dir: Path, say: Say) -> None:
        self._run_dir, self._say = run_dir, say
        self._tried: dict[str, tuple[float, float]] = {}
        self._under_way: dict[str, threading.Thread] = {}
        self.submitted = 0

    def look(self, state: State, lost: bool = False) -> None:
        """Look once. `lost`: the JobManager has just been started again, and so knows no job.

        Its jobs are then submitted at once: while the client builds the job, the JobManager starts.
        """
        known: dict[str, tuple[str, str]] = {}
        if lost:
            self._tried.clear()
        else:
            try:
                known = {str(job["jid"]): (str(job["state"]), str(job["name"])) for job in state.flink.rest.jobs()}
            except ClusterError:
                return  # a JobManager that is starting
        for kept in kept_jobs(self._run_dir):
            if kept.wanted and not self._busy(kept.name):
                self._tend(kept, known, state)

    def _busy(self, name: str) -> bool:
        return name in self._under_way and self._under_way[name].is_alive()

    def _tend(self, kept: Kept, known: Mapping[str, tuple[str, str]], state: State) -> None:
        found, _ = known.get(kept.job_id, (None, ""))
        if found in ("FINISHED", "CANCELED"):
            self._say(f"job {kept.name} is {found}: somebody ended it")
            write_kept(self._run_dir, msgspec.structs.replace(kept, wanted=False))
        elif found is None or found == "FAILED":
            if not self._adopt(kept, known):
                self._resume(kept, state)
        elif found == "RUNNING":
            self._tried.pop(kept.name, None)
            if len(kept.job_ids) > 1 and forget_older(state.flink.home / "checkpoints", kept.job_ids):
                write_kept(self._run_dir, msgspec.structs.replace(kept, job_ids=kept.job_ids[-1:]))

    def _adopt(self, kept: Kept, known: Mapping[str, tuple[str, str]]) -> bool:
        """Take over the id of a job that the cluster accepted while its client died before it could tell us."""
        ids = [job_id for job_id, (state, name) in known.items() if name == kept.title and state not in ENDED]
        if ids:
            self._say(f"job {kept.name} runs as {ids[0]}")
            write_kept(self._run_dir, msgspec.structs.replace(kept, job_ids=[*kept.job_ids, ids[0]]))
        return bool(ids)

    def _resume(self, kept: Kept, state: State) -> None:
        next_at, _ = self._tried.get(kept.name, (0.0, RETRY_S))
        if time.monotonic() < next_at:
            return
        thread = threading.Thread(target=self._submit, args=(kept, state), daemon=True, name=f"submit {kept.name}")
        self._under_way[kept.name] = thread
        thread.start()

    def _submit(self, kept: Kept, state: State) -> None:
        _, wait_s = self._tried.get(kept.name, (0.0, RETRY_S))
        try:
            job_id, start = resume(kept, state, self._run_dir)
        except (ClusterError, OSError) as error:
            self._say(f"job {kept.name} could not be submitted again, next try in {wait_s:.0f} s: {error}")
        else:
            self.submitted += 1
            self._say(f"job {kept.name} goes on as {job_id} from {start or 'the beginning'}")
        # forgotten when the job runs: one that fails as soon as it was taken must not be submitted without a pause
        self._tried[kept.name] = (time.monotonic() + wait_s, min(2 * wait_s, LONGEST_S))
