"""How many requests a service has in flight, told through a few bytes of shared memory: reading costs it nothing.

A service keeps the integral of its requests in flight over time. The difference of two readings, over the time
between, is the average exactly, however short the requests are (Little's law then says: rate times mean latency).
"""

import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_LAYOUT = struct.Struct("ddd")  # in flight, integral (request seconds), monotonic time of the last change
_TRIES = 5


class Flight:
    """The side of the service, for many threads; starts from zero, in place of an earlier file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._count, self._integral, self._at_s = 0.0, 0.0, time.monotonic()
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(_LAYOUT.pack(self._count, self._integral, self._at_s))
        with fresh.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        fresh.replace(path)  # a reader never sees half of it, and notices the new start by the new file

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one request as long as the block lasts."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Count one request more."""
        self._change(+1)

    def leave(self) -> None:
        """Count one request less."""
        self._change(-1)

    def _change(self, step: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._integral += self._count * (now - self._at_s)
            self._count, self._at_s = self._count + step, now
            self._map[:] = _LAYOUT.pack(self._count, self._integral, self._at_s)


class _Seen(NamedTuple):
    """`total`: request seconds up to `at_s` (monotonic), of the file with this inode `number`."""

    number: int
    total: float
    at_s: float


class FlightReader:
    """The side of the sampler."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: _Seen | None = None

    def average(self) -> float | None:
        """Answer the average in flight since the last call; None at the first one, and after a new start."""
        last, self._last = self._last, self._see()
        now = self._last
        # a file system may give the new file the old one's number: then the total has fallen
        if last is None or now is None or now.number != last.number or now.total < last.total:
            return None
        return (now.total - last.total) / max(now.at_s - last.at_s, 1e-9)

    def _see(self) -> _Seen | None:
        try:
            with self._path.open("rb", buffering=0) as file:
                number, data = os.fstat(file.fileno()).st_ino, _settled(file.fileno())
        except FileNotFoundError:
            return None
        count, integral, changed_s = _LAYOUT.unpack(data)
        now = time.monotonic()
        return _Seen(number, integral + count * max(0.0, now - changed_s), now)


def _settled(file: int) -> bytes:
    """Read until two readings agree: one alone may fall into the middle of a change."""
    data = os.pread(file, _LAYOUT.size, 0)
    for _ in range(_TRIES):
        again = os.pread(file, _LAYOUT.size, 0)
        if again == data:
            break
        data = again
    return data
