"""The manifest of an artifact directory: what lies in it, byte for byte, and what each forest must answer."""

from hashlib import sha256
from importlib.metadata import version
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MANIFEST = "manifest.json"
BASELINE = "baseline.json"
#: Libraries whose major version decides whether a stored forest means the same.
LIBRARIES = ("numpy", "pyod", "scikit-learn", "skops")
#: No file may be larger, in bytes.
LARGEST_FILE = 64 * 2**20
MOST_CANARIES = 64

FileName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ArtifactError(Exception):
    """An artifact that is refused: `file` is its name inside the directory, `reason` what is wrong with it."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.reason = file, reason

    def __reduce__(self) -> tuple[type["ArtifactError"], tuple[str, str]]:
        return type(self), (self.file, self.reason)


class Stored(Struct, frozen=True, forbid_unknown_fields=True):
    """A file by name, size in bytes, and sha256."""

    file: FileName
    size: Annotated[int, Meta(ge=0, le=LARGEST_FILE)]
    sha256: Digest


class StoredTail(Struct, frozen=True, forbid_unknown_fields=True):
    """`models.tail.Tail`, in lists."""

    n: int
    values: list[float]
    survival: list[float]
    above: float
    excesses: int
    total: float


class StoredForest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One forest: its file, its columns in order, its calibration, and rows with the scores they must get."""

    name: Annotated[str, Meta(min_length=1, max_length=220)]
    stored: Stored
    features: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    threshold: float
    neutral: list[float]
    tail: StoredTail
    canaries: Annotated[list[list[float]], Meta(min_length=1, max_length=MOST_CANARIES)]
    canary_scores: list[float]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The directory. `digest` is the sha256 of all the rest; its first 16 digits are the artifact's id."""

    schema_version: Literal[1]
    libraries: dict[str, str]
    span: tuple[int, int]
    forests: Annotated[list[StoredForest], Meta(max_length=10_000)]
    baseline: Stored
    digest: str = ""


def library_versions() -> dict[str, str]:
    """Name the installed versions of the libraries that made, or are to read, a forest."""
    return {name: version(name) for name in LIBRARIES}


def sealed(manifest: Manifest) -> Manifest:
    """Give the manifest the digest of its own content."""
    content = msgspec.json.encode(msgspec.structs.replace(manifest, digest=""), order="deterministic")
    return msgspec.structs.replace(manifest, digest=sha256(content).hexdigest())
