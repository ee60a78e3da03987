"""The newest checkpoint that a job can go on from, found on disk: who wrote it may be gone."""

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

_NUMBER = re.compile(r"chk-(\d+)")
#: Flink puts this file in its place, whole, as a checkpoint's last step (its local file system can rename).
METADATA = "_metadata"


def newest(folder: Path, job_ids: Sequence[str]) -> Path | None:
    """Return the newest whole checkpoint of a job below `folder`, None where there is none.

    Numbers go on rising when a job is restored, under whatever id; an older checkpoint than the newest must never be
    taken: what was committed after it would be written a second time.
    """
    return max(_whole(folder, job_ids), key=_number, default=None)


def forget_older(folder: Path, job_ids: Sequence[str]) -> list[str]:
    """Remove the checkpoints of earlier ids once the present one has its own; returns the ids that went."""
    *earlier, present = job_ids
    if not list(_whole(folder, [present])):
        return []
    gone = [job_id for job_id in earlier if (folder / job_id).is_dir()]
    for job_id in gone:
        shutil.rmtree(folder / job_id, ignore_errors=True)
    return gone


def _whole(folder: Path, job_ids: Iterable[str]) -> Iterable[Path]:
    for job_id in job_ids:
        for found in (folder / job_id).glob("chk-*"):
            if _NUMBER.fullmatch(found.name) and (found / METADATA).is_file():
                yield found


def _number(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("chk-"))
