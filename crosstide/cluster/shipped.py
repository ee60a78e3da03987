"""Where the project's own files for the cluster are, in a checkout and in an installed wheel alike."""

import os
from pathlib import Path

from crosstide.cluster.errors import ClusterError

_PACKAGE = Path(__file__).resolve().parent.parent


def project_root() -> Path | None:
    """Return the checkout that this code runs from, or None when it runs from an installed wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() else None


def shipped(name: str) -> Path:
    """Return the path of a file of `flink-conf/`; a wheel carries them as `crosstide/defaults/`."""
    for folder in (_PACKAGE.parent / "flink-conf", _PACKAGE / "defaults"):
        if (folder / name).is_file():
            return folder / name
    raise ClusterError(f"{name} is neither in flink-conf/ nor in crosstide/defaults/: install crosstide again")


def cache() -> Path:
    """Return the folder for downloaded things: `CROSSTIDE_CACHE`, else `.cache` of the checkout or of the home."""
    named = os.environ.get("CROSSTIDE_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    root = project_root()
    return root / ".cache" if root is not None else Path.home() / ".cache" / "crosstide"
