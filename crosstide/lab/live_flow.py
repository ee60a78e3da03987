"""The records of a live lab, from the files that its processes write to where they go."""

from collections import Counter
from typing import Any

from crosstide.lab import files
from crosstide.lab.files import Record
from crosstide.lab.live_desk import Desk, millis
from crosstide.lab.live_sink import Sink
from crosstide.lab.live_tail import Tail
from crosstide.lab.live_truth import Measuring
from crosstide.lab.shop import MODELS
from crosstide.lab.stage import Stage


class Flow:
    """Reads what is new, passes on what is due, and counts it."""

    def __init__(self, stage: Stage, sink: Sink) -> None:
        self._stage, self._sink, self._desk = stage, sink, Desk()
        folder = stage.scene.folder
        self._answered = [Tail(folder / f"{name}.records") for name in MODELS]
        self._unanswered = [Tail(folder / f"{name}.failures") for name in ("load", *MODELS)]
        self._labels = [Tail(folder / f"{name}.labels") for name in MODELS]
        self._telemetry = [Tail(folder / "sampler.records")]
        self._passed: Counter[str] = Counter()

    def pass_on(self, measuring: Measuring) -> None:
        """Pass on what is due, each topic in order of time."""
        now = self._stage.clock.now()
        topics = {
            "model-outputs": self._desk.outputs(_new(self._answered), _new(self._unanswered), now),
            "labels": self._desk.labels(_new(self._labels), now),
            "telemetry": _new(self._telemetry) + _taken(self._stage.events),
            "changes": _taken(self._stage.changes),
        }
        for topic, records in topics.items():
            records.sort(key=millis)
            self._sink.put(topic, records)
            measuring.saw(topic, records, now)
            self._passed[topic] += len(records)
        self._passed.update(record["service"] for record in topics["model-outputs"])
        self._passed["errors"] += sum("error" in record for record in topics["model-outputs"])

    def rates(self, seconds: float, running: list[str]) -> str:
        """Say what passed since the last call, per second."""
        passed, self._passed = self._passed, Counter()
        services = ", ".join(f"{name} {passed[name] / seconds:.1f}" for name in MODELS)
        failed = passed["errors"] / max(passed["model-outputs"], 1)
        rest = ", ".join(f"{topic} {passed[topic] / seconds:.1f}" for topic in files.TOPICS if topic != "model-outputs")
        return f"per second: {services} ({failed:.1%} errors); {rest}; {' and '.join(running) or 'quiet'}"


def _new(tails: list[Tail]) -> list[Record]:
    return [record for tail in tails for record in tail.read()]


def _taken(records: list[Any]) -> list[Record]:
    """Take what the stage has written down; other threads may append meanwhile."""
    taken = records[:]
    del records[: len(taken)]
    return taken
