"""What processes cost: CPU seconds of whole trees, those that ended included; the largest sum of resident memory."""

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import psutil

PERIOD_S = 0.25


def tree(roots: Mapping[str, int]) -> dict[psutil.Process, str]:
    """Answer every living process of the trees, and what it is: the name of a root, or `python` for its workers."""
    found: dict[psutil.Process, str] = {}
    for name, pid in roots.items():
        try:
            root = psutil.Process(pid)
            found[root] = name
            found.update(dict.fromkeys(root.children(recursive=True), "python"))
        except psutil.NoSuchProcess:
            continue
    return found


class Used:
    """CPU seconds that the trees of `roots` have used since this was made, by every process's own last reading.

    The kernel adds a dead child's time to its parent only when the parent waits for it. A Flink worker is the
    grandchild of a shell that is killed first: nobody waits for it, and all it did would be lost. Look often: what a
    process does after its last reading is not seen.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._before = {process: _own_s(process) for process in tree(roots)}
        self._last: dict[psutil.Process, float] = {}

    def look(self) -> dict[psutil.Process, str]:
        """Read every living process; answer what they are."""
        found = tree(self._roots)
        for process in found:
            self._last[process] = max(_own_s(process), self._last.get(process, 0.0))
        return found

    @property
    def seconds(self) -> float:
        """The sum as of the last look."""
        return sum(last - self._before.get(process, 0.0) for process, last in self._last.items())


def _own_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


class Meter:
    """Measures the trees of `roots` (name -> process id) from entering to leaving; calls `also` at every sample."""

    def __init__(self, roots: Mapping[str, int], also: Callable[[], None] = lambda: None) -> None:
        self._also = also
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._used = Used(roots)
        self.cpu_s = 0.0
        #: MB, all processes together and by what they are, at the moment when the sum was largest
        self.peak_mb = 0.0
        self.parts_mb: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._used.look()
        self.cpu_s = self._used.seconds

    def _sample(self) -> None:
        while not self._ended.wait(PERIOD_S):
            parts: dict[str, float] = {}
            for process, name in self._used.look().items():
                try:
                    parts[name] = parts.get(name, 0.0) + process.memory_info().rss / 2**20
                except psutil.Error:
                    continue
            if sum(parts.values()) > self.peak_mb:
                self.peak_mb, self.parts_mb = sum(parts.values()), parts
            self._also()
