"""Submit a kept job: the first time, and again from where it was when its JobManager died."""

from pathlib import Path

import msgspec

from crosstide.cluster.checkpoints import newest
from crosstide.cluster.kept import Kept, write_kept
from crosstide.cluster.state import State
from crosstide.cluster.submit import Submission
from crosstide.cluster.wheel import site_packages


def begin(kept: Kept, state: State, run_dir: Path) -> Kept:
    """Submit a job that has no id yet, and keep it. Raises ClusterError with the client's own words."""
    return _submitted(kept, state, run_dir, kept.start)


def resume(kept: Kept, state: State, run_dir: Path) -> tuple[str, str | None]:
    """Submit a job again; returns its new id, and the checkpoint or savepoint that it goes on from.

    Without either it begins anew: then no checkpoint was ever completed, and nothing of it was ever committed.
    """
    found = newest(state.flink.home / "checkpoints", kept.job_ids)
    start = kept.start if found is None else found.as_uri()
    return _submitted(kept, state, run_dir, start).job_id, start


def _submitted(kept: Kept, state: State, run_dir: Path, start: str | None) -> Kept:
    entry = site_packages(state.python) / "jobs" / f"{kept.entry}.py"
    elsewhere = run_dir.resolve() / "elsewhere"
    elsewhere.mkdir(parents=True, exist_ok=True)
    what = Submission(entry, kept.arguments, state.python, start, kept.parallelism, kept.settings)
    job_id = state.flink.submit(what, elsewhere)
    kept = msgspec.structs.replace(kept, job_ids=[*kept.job_ids, job_id])
    write_kept(run_dir, kept)
    return kept
