"""Reading the files of an artifact directory, each checked against the manifest before anyone looks inside."""

from hashlib import sha256
from pathlib import Path

import msgspec

from jobs.artifact_manifest import (
    LARGEST_FILE,
    MANIFEST,
    ArtifactError,
    Manifest,
    Stored,
    library_versions,
    sealed,
)


def read_file(directory: Path, name: str) -> bytes:
    """Read a file of the directory; ArtifactError where it is missing, unreadable or larger than 64 MiB."""
    path = directory / name
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ArtifactError(name, f"larger than {LARGEST_FILE} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(name, f"is missing from {directory}") from None
    except OSError as error:
        raise ArtifactError(name, f"cannot be read: {error.strerror}") from None


def read_manifest(directory: Path) -> Manifest:
    """Read and check the manifest itself: shape, digest, library versions, names. ArtifactError otherwise."""
    data = read_file(directory, MANIFEST)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArtifactError(MANIFEST, f"is not a manifest of schema version 1: {error}") from None
    if sealed(manifest).digest != manifest.digest:
        raise ArtifactError(MANIFEST, "its digest differs: it was changed after training")
    for name, ours in library_versions().items():
        theirs = manifest.libraries.get(name, "none")
        if theirs.split(".")[0] != ours.split(".")[0]:
            raise ArtifactError(MANIFEST, f"made with {name} {theirs}, installed is {ours}: train again")
    names = [forest.name for forest in manifest.forests]
    if len(set(names)) != len(names):
        raise ArtifactError(MANIFEST, "names a forest twice")
    return manifest


def read_stored(directory: Path, stored: Stored) -> bytes:
    """Read a file that the manifest lists; ArtifactError where its size or sha256 differs."""
    data = read_file(directory, stored.file)
    if len(data) != stored.size:
        raise ArtifactError(stored.file, f"has {len(data)} bytes instead of {stored.size}: truncated or replaced")
    if sha256(data).hexdigest() != stored.sha256:
        raise ArtifactError(stored.file, "its sha256 differs from the manifest's: it was changed after training")
    return data
