"""Jobs that are to run until somebody stops them: what is needed to submit one again, as a file for each."""

from pathlib import Path

import msgspec

from crosstide.cluster.errors import ClusterError

_FOLDER = "jobs"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A submitted job. `job_ids`: every id that it has had on the cluster, the newest last; its checkpoints lie there.

    `wanted` is false once it was stopped. `shape` is what its state is cut by (`jobs/shape.py`), `start` the savepoint
    that it began from; `settings` are Flink's, for this job alone.
    """

    name: str
    entry: str
    arguments: list[str]
    parallelism: int
    bootstrap: str
    prefix: str
    shape: dict[str, int]
    job_ids: list[str]
    start: str | None = None
    settings: dict[str, str] = {}
    wanted: bool = True

    @property
    def title(self) -> str:
        """Return the job's name as Flink shows it."""
        return f"{self.name}: {self.entry}"

    @property
    def job_id(self) -> str:
        """Return the id that it has now."""
        return self.job_ids[-1]


def write_kept(run_dir: Path, kept: Kept) -> None:
    """Write a job's file whole, or not at all."""
    folder = run_dir / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{kept.name}.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2))
    partial.rename(folder / f"{kept.name}.json")


def kept_jobs(run_dir: Path) -> list[Kept]:
    """Return every job, by name. Raises ClusterError for a file that is not ours."""
    found = []
    for file in sorted((run_dir / _FOLDER).glob("*.json")):
        try:
            found.append(msgspec.json.decode(file.read_bytes(), type=Kept))
        except msgspec.MsgspecError as error:
            raise ClusterError(f"{file} cannot be read ({error}): delete it, and submit the job again") from None
    return found


def kept_job(run_dir: Path, name: str) -> Kept:
    """Return the job of that name; raises ClusterError with the names that there are."""
    jobs = {kept.name: kept for kept in kept_jobs(run_dir)}
    if name not in jobs:
        there = f"there are: {', '.join(jobs)}" if jobs else "none was submitted from this folder"
        raise ClusterError(f"no job is called '{name}'; {there}")
    return jobs[name]
