"""Making a recording: real services under load, faults by plan, and the truth about them."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosstide.lab import files, shop
from crosstide.lab.children import Children
from crosstide.lab.client import CallError
from crosstide.lab.clock import Clock, iso
from crosstide.lab.cores import layout
from crosstide.lab.faults import kinds
from crosstide.lab.notes import notes
from crosstide.lab.plan import Slot, Spacing, plan, split
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
    rates: dict[str, float] = field(default_factory=lambda: dict(shop.RATES))

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.minutes * 60

    def plan(self) -> list[Slot]:
        """Decide all faults by the seed; PlanError where they do not fit, KeyError for an unknown kind."""
        targets = {name: kinds()[name].targets for item in self.faults for name in split(item)}
        return plan(self.seconds, self.faults, targets, self.spacing, self.seed, shop.reach)


@dataclass(frozen=True)
class Recording:
    """What is written: `topics` by name, `truth` and `notes` (recording.json); `warning` for people, or empty."""

    topics: dict[str, list[files.Record]]
    truth: dict[str, Any]
    notes: dict[str, Any]
    warning: str


@contextmanager
def staged() -> Iterator[Stage]:
    """Give a stage whose services run; whatever happens, no process of the lab and no file is left afterwards."""
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(prefix="crosstide-lab-", dir=memory if memory.is_dir() else None) as folder,
        tempfile.TemporaryDirectory(prefix="crosstide-lab-") as scratch,
        Children(Path(folder)) as children,
    ):
        scene = Scene(children, Clock.fixed_now(), layout(), Path(folder), Path(scratch))
        scene.start_services()
        stage = Stage(scene)
        with stage.supervisor:
            yield stage


def record(order: Order, progress: Progress) -> Recording:
    """Record in real time.

    PlanError, TooFewCoresError: before anything starts. ChildFailedError: a process ended before its time.
    """
    slots = order.plan()
    with staged() as stage:
        scene = stage.scene
        for slot in slots:
            kinds()[slot.kind].prepare(stage, slot)
        scene.start_tools(WARM_UP_S + order.seconds, order.rates, order.seed)
        begin_s = time.monotonic() + 0.2
        scene.go(begin_s)
        start_s = begin_s + WARM_UP_S
        stage.supervisor.start()
        done = _run(order, slots, stage, start_s, progress)
        stage.supervisor.stop()
        found = scene.finish() | {"changes": stage.changes}
        found["telemetry"] += stage.events
    start, end = scene.clock.at(start_s), scene.clock.at(start_s + order.seconds)
    return _recording(order, start, end, done, found, scene)


def _run(order: Order, slots: Sequence[Slot], stage: Stage, start_s: float, progress: Progress) -> list[Done]:
    """Apply each fault at its time, and wait for the end of the recording."""

    def wait(until: float) -> None:
        while (left := start_s + until - time.monotonic()) > 0:
            stage.children.check()
            stage.supervisor.check()
            progress(until - left, " and ".join(f"{s.kind} on {s.target}" for s in running) or "quiet")
            time.sleep(min(left, LOOK_S))

    running: dict[Slot, tuple[ExitStack, int]] = {}
    done: list[Done] = []
    moments = sorted([(slot.start, 1, slot) for slot in slots] + [(slot.end, 0, slot) for slot in slots], key=_moment)
    with ExitStack() as whole:
        try:
            for at, begins, slot in moments:
                wait(at)
                if begins:
                    block, begun = whole.enter_context(ExitStack()), stage.clock.now()
                    block.enter_context(kinds()[slot.kind].apply(stage, slot))
                    running[slot] = (block, begun)
                else:
                    block, begun = running.pop(slot)
                    block.close()
                    done.append(Done(slot, kinds()[slot.kind], begun, stage.clock.now()))
            wait(order.seconds)
        except CallError:
            stage.children.check()  # a process that died says more than a call without an answer
            raise
    return sorted(done, key=lambda one: one.start)


def reach_of(slot: Slot) -> tuple[str, ...]:
    """Name the services that a fault may hurt: those of its target, and of every node that may be blamed for it."""
    nodes = [entity for entity in kinds()[slot.kind].entities(slot.target) if entity.startswith("node/")]
    return tuple(sorted({service for target in (slot.target, *nodes) for service in shop.reach(target)}))


def _moment(moment: tuple[float, int, Slot]) -> tuple[float, int]:
    return moment[:2]


def _recording(
    order: Order, start: int, end: int, done: Sequence[Done], found: dict[str, list[files.Record]], scene: Scene
) -> Recording:
    topics = {topic: files.within(found[topic], iso(start), iso(end)) for topic in files.TOPICS}
    topics["labels"] = files.of_answers(topics["labels"], topics["model-outputs"])
    said = truth(order.seed, start, end, done, topics, reach_of)
    counts = {topic: files.counted(records) for topic, records in topics.items()}
    about = notes(order.command, order.seed, order.minutes, order.rates, scene.layout.said, scene.priorities, counts)
    warning = "raised priority is not permitted here: latencies also hold delays of the load generator"
    return Recording(topics, said, about, warning if scene.disturbed else "")
