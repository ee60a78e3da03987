"""An audit trail that must be on the disk before an answer leaves: what makes a service depend on its disk."""

import os
from pathlib import Path


class Journal:
    """A file on a real disk, for many threads: every line is synced (fdatasync) before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, line: str) -> None:
        """Append a line and wait for the disk."""
        os.write(self._file, f"{line}\n".encode())
        os.fdatasync(self._file)
