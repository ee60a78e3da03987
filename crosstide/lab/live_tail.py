"""New lines of a file that other processes append to; what was read is given back to the system."""

import ctypes
import os
from pathlib import Path

import orjson

from crosstide.lab.files import Record

_BYTES_AT_ONCE = 1 << 20
#: Memory is given back in steps of so many bytes.
_STEP = 1 << 20
# linux/falloc.h: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_PUNCH = 0x01 | 0x02
_libc = ctypes.CDLL(None)


class Tail:
    """Reads a file of JSON lines as it grows; the file may begin to exist later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._at = 0
        self._given_back = 0

    def read(self) -> list[Record]:
        """Answer the lines that were completed since the last call."""
        if self._file is None and not self._path.exists():
            return []
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR)
        records: list[Record] = []
        while end := (data := os.pread(self._file, _BYTES_AT_ONCE, self._at)).rfind(b"\n") + 1:
            records += map(orjson.loads, data[:end].splitlines())
            self._at += end
        self._give_back(self._file)
        return records

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _give_back(self, file: int) -> None:
        """Free what was read, leaving a hole: the lab runs without end, and its files lie in memory.

        Where a file system cannot do that the file just stays whole.
        """
        if self._at - self._given_back >= _STEP:
            _libc.fallocate(file, _PUNCH, ctypes.c_long(0), ctypes.c_long(self._at))
            self._given_back = self._at
