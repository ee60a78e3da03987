"""What lies beside a savepoint: the shape of the windows that its state is cut by."""

from pathlib import Path
from urllib.parse import unquote, urlparse

import msgspec

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.kept import Kept
from jobs.shape import Shape

_NOTE = "crosstide.json"


class _Note(msgspec.Struct, frozen=True):
    job: str
    entry: str
    shape: dict[str, int]


def note(place: str, kept: Kept) -> None:
    """Write the note into a savepoint on this machine; one elsewhere (s3:, hdfs:) gets none."""
    folder = local_folder(place)
    if folder is not None and folder.is_dir():
        (folder / _NOTE).write_bytes(msgspec.json.encode(_Note(kept.name, kept.entry, kept.shape)))


def shape_at(place: str) -> Shape:
    """Return the shape that a savepoint was taken with; empty where nothing was noted: Flink itself then judges.

    Raises ClusterError where there is no savepoint.
    """
    folder = local_folder(place)
    if folder is None:
        return {}
    if not (folder / "_metadata").is_file():
        raise ClusterError(f"{place} is no savepoint: it holds no _metadata")
    file = folder / _NOTE
    if not file.is_file():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Note).shape
    except msgspec.MsgspecError as error:
        raise ClusterError(f"{file} cannot be read: {error}") from None


def local_folder(place: str) -> Path | None:
    """Return the folder of a place on this machine, given as a path or as `file:` in any of Flink's spellings.

    >>> local_folder("file:/a/b"), local_folder("file:///a/b"), local_folder("s3://a/b")
    (PosixPath('/a/b'), PosixPath('/a/b'), None)
    """
    parsed = urlparse(place)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path(place).resolve() if not parsed.scheme else None
