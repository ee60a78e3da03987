"""What processes cost: CPU seconds of whole trees, dead descendants included; the largest sum of resident memory."""

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import psutil

PERIOD_S = 0.25
#: Readings until the set of processes held still; workers come and go in bursts.
TRIES = 40


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


def cpu_s(roots: Mapping[str, int]) -> float:
    """Sum the CPU seconds that the trees have ever used.

    A process that ends is added by the kernel to its parent's `children_*` when the parent waits for it: own times and
    children's times of the living are therefore the times of all. Between two equal sets of processes nobody was lost.
    """
    total = 0.0
    for _ in range(TRIES):
        before = set(tree(roots))
        total = sum(_times(process) for process in before)
        if set(tree(roots)) == before:
            break
        time.sleep(0.1)
    return total


def _times(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


class Meter:
    """Measures the trees of `roots` (name -> process id) from entering to leaving; calls `also` at every sample."""

    def __init__(self, roots: Mapping[str, int], also: Callable[[], None] = lambda: None) -> None:
        self._roots, self._also = dict(roots), also
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._before = 0.0
        self.cpu_s = 0.0
        #: MB, all processes together and by what they are, at the moment when the sum was largest
        self.peak_mb = 0.0
        self.parts_mb: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._before = cpu_s(self._roots)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.cpu_s = cpu_s(self._roots) - self._before

    def _sample(self) -> None:
        while not self._ended.wait(PERIOD_S):
            parts: dict[str, float] = {}
            for process, name in tree(self._roots).items():
                try:
                    parts[name] = parts.get(name, 0.0) + process.memory_info().rss / 2**20
                except psutil.Error:
                    continue
            if sum(parts.values()) > self.peak_mb:
                self.peak_mb, self.parts_mb = sum(parts.values()), parts
            self._also()
