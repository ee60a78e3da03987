"""The one error of this package: its text is the one line that a person reads."""

from pathlib import Path


class ClusterError(RuntimeError):
    """Something of the local cluster is missing, did not start, or refused; the message says what to do."""


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, or say that there is none."""
    if not log.is_file():
        return f"(no log at {log})"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
