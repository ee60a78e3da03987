"""A stop watch around the stages of judging: the CPU time that each takes by itself, without those inside it."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from models import bucket as bucket_module
from models import scorer as scorer_module
from models.bucket import Bucket, Closed
from models.config import Topology
from models.route import Routes
from models.scorer import Scorer

#: Functions that `models.scorer` calls by name.
CALLED = ("with_outlier_share", "with_drift", "line_scores", "fused_scores")


class Stages:
    """Seconds by stage, while `counting`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.counting = False
        self._inside: list[float] = []

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Answer the call with its time taken."""

        def watched(*arguments: Any) -> Any:
            if not self.counting:
                return call(*arguments)
            self._inside.append(0.0)
            began = time.thread_time()
            try:
                return call(*arguments)
            finally:
                took = time.thread_time() - began
                self.seconds[name] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return watched

    @contextmanager
    def around(self, bucket: Bucket[Any], scorer: Scorer) -> Iterator[Callable[..., Closed]]:
        """Answer a `Bucket.close` that also writes the lines, every stage of it timed until the end of the block."""
        places: list[tuple[Any, str, str]] = [(scorer_module, name, name) for name in CALLED]
        places += [(type(bucket.kind), "frame", "frame"), (type(bucket.kind), "merge", "merge")]
        places += [(bucket_module, "gather", "fold"), (bucket, "_judge", "judge")]
        places += [(bucket._silence, name, "silence") for name in ("listen", "judge", "remembered")]
        places += [(scorer.expectation, name, name) for name in ("expect", "learn")]
        for detector in scorer.detectors:
            kind = type(detector).__module__.rpartition(".")[2]
            places += [(detector, "score", kind), (detector, "update", f"{kind}.update")]
        before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
        for owner, name, stage in places:
            setattr(owner, name, self.timed(stage, getattr(owner, name)))
        close, lines = self.timed("close", bucket.close), self.timed("lines", _Lines())

        def closing(*arguments: Any) -> Closed:
            closed: Closed = close(*arguments)
            lines(closed)
            return closed

        try:
            yield closing
        finally:
            for owner, name, call in before:
                setattr(owner, name, call)


class _Lines:
    """Writes what the operator writes of a window: lines as JSON, evidence for the correlator."""

    def __init__(self) -> None:
        self._routes = Routes(Topology())

    def __call__(self, closed: Closed) -> int:
        size = 0
        for judged in closed.judged:
            size += sum(len(msgspec.json.encode(score)) for score in judged.scores)
            size += sum(len(packet.value) for packet in self._routes.verdicts(judged))
        return size
