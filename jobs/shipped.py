"""Where the project's own configuration files are, in a checkout and in an installed wheel alike."""

from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


class NotShippedError(FileNotFoundError):
    """A file that belongs to the installation is not there."""


def shipped(name: str) -> Path:
    """Return the path of a file of `flink-conf/`; a wheel carries them as `crosstide/defaults/`."""
    for folder in (_ROOT / "flink-conf", _ROOT / "crosstide" / "defaults"):
        if (folder / name).is_file():
            return folder / name
    raise NotShippedError(f"{name} is neither in flink-conf/ nor in crosstide/defaults/: install crosstide again")
