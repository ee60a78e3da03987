"""Making a recording: real services under load, faults by plan, and the truth about them."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosstide.lab import files
from crosstide.lab.children import Children
from crosstide.lab.client import CallError
from crosstide.lab.clock import Clock, iso
from crosstide.lab.cores import layout
from crosstide.lab.faults import kinds
from crosstide.lab.notes import notes
from crosstide.lab.plan import Slot, Spacing, plan
from crosstide.lab.scene import Scene
from crosstide.lab.stage import Stage
from crosstide.lab.truth import Done, truth

#: Load before the recording begins, for caches and connections to settle. Not recorded.
WARM_UP_S = 6.0
LOOK_S = 0.5

#: Called about twice a second with the seconds done (from -WARM_UP_S on) and what is going on.
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Order:
    """What to record. `rates`: mean requests per second from outside, by service."""

    minutes: float
    seed: int
    faults: Sequence[str]
    command: str
    spacing: Spacing = field(default_factory=Spacing)
    rates: dict[str, float] = field(default_factory=lambda: {"checkout": 10.0, "fraud": 6.0})

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.minutes * 60

    def plan(self) -> list[Slot]:
        """Decide all faults by the seed; PlanError where they do not fit, KeyError for an unknown kind."""
        targets = {name: kinds()[name].targets for name in self.faults}
        return plan(self.seconds, self.faults, targets, self.spacing, self.seed)


@dataclass(frozen=True)
class Recording:
    """What is written: `topics` by name, `truth` and `notes` (recording.json); `warning` for people, or empty."""

    topics: dict[str, list[files.Record]]
    truth: dict[str, Any]
    notes: dict[str, Any]
    warning: str


def record(order: Order, progress: Progress) -> Recording:
    """Record in real time. Whatever happens, no process of the lab is left when this returns or raises.

    PlanError, TooFewCoresError: before anything starts. ChildFailedError: a process ended before its time.
    """
    slots, clock, cores = order.plan(), Clock.fixed_now(), layout()
    with tempfile.TemporaryDirectory(prefix="crosstide-lab-") as name, Children(Path(name)) as children:
        scene = Scene(children, clock, cores, Path(name))
        stage = Stage(cores, children, clock, Path(name), scene.start_services())
        for slot in slots:
            kinds()[slot.kind].prepare(stage, slot)
        scene.start_tools(WARM_UP_S + order.seconds, order.rates, order.seed)
        begin_s = time.monotonic() + 0.2
        scene.go(begin_s)
        start_s = begin_s + WARM_UP_S
        done = _run(order, slots, stage, start_s, progress)
        found = scene.finish() | {"changes": stage.changes}
    start, end = clock.at(start_s), clock.at(start_s + order.seconds)
    return _recording(order, start, end, done, found, scene)


def _run(order: Order, slots: Sequence[Slot], stage: Stage, start_s: float, progress: Progress) -> list[Done]:
    """Apply each fault at its time, and wait for the end of the recording."""

    def wait(until: float, doing: str) -> None:
        while (left := start_s + until - time.monotonic()) > 0:
            stage.children.check()
            progress(until - left, doing)
            time.sleep(min(left, LOOK_S))

    done = []
    try:
        for slot in slots:
            wait(slot.start, "quiet")
            kind, start = kinds()[slot.kind], stage.clock.now()
            with kind.apply(stage, slot):
                wait(slot.end, f"{slot.kind} on {slot.target}")
            done.append(Done(slot, kind, start, stage.clock.now()))
        wait(order.seconds, "quiet")
    except CallError:
        stage.children.check()  # a service that died says more than a call without an answer
        raise
    return done


def _recording(
    order: Order, start: int, end: int, done: Sequence[Done], found: dict[str, list[files.Record]], scene: Scene
) -> Recording:
    topics = {topic: files.within(found[topic], iso(start), iso(end)) for topic in files.TOPICS}
    said = truth(order.seed, start, end, done, topics["model-outputs"])
    counts = {topic: files.counted(records) for topic, records in topics.items()}
    about = notes(order.command, order.seed, order.minutes, order.rates, scene.layout.said, scene.priorities, counts)
    warning = "raised priority is not permitted here: latencies also hold delays of the load generator"
    return Recording(topics, said, about, warning if scene.disturbed else "")
