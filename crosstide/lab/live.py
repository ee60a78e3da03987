"""The lab without end: its records leave as they are made, and faults strike on demand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from threading import Event
from time import monotonic
from typing import Any

from crosstide.lab.children import ChildFailedError
from crosstide.lab.client import CallError
from crosstide.lab.live_control import Control
from crosstide.lab.live_faults import Faults, RefusedError
from crosstide.lab.live_flow import Flow
from crosstide.lab.live_sink import Sink
from crosstide.lab.live_truth import Measuring
from crosstide.lab.record import staged
from crosstide.lab.stage import Stage

LOOK_S = 0.25
SAY_EVERY_S = 10.0

Say = Callable[[str], None]
Tell = Callable[[dict[str, Any]], None]


def live(seed: int, rates: Mapping[str, float], sink: Sink, say: Say, tell: Tell, stop: Event) -> None:
    """Run until `stop`; whatever happens, no process of the lab is left afterwards.

    `say` takes lines for people, `tell` the truth of each fault. AlreadyRunningError, TooFewCoresError: before
    anything starts. ChildFailedError: a process ended before its time.
    """
    with closing(Control()) as control, ExitStack() as scene:
        say("starting: models are trained, services started")
        stage = scene.enter_context(staged())
        scene.enter_context(_running(stage, dict(rates), seed))
        show = Show(stage, seed, sink, say, tell)
        say("running; end with Ctrl-C")
        try:
            while not stop.wait(LOOK_S):
                stage.children.check()
                stage.supervisor.check()
                for order, answer in control.orders():
                    answer(show.obey(order))
                show.step()
        finally:
            show.end_faults(everything=True)
        show.step(last=True)


class Show:
    """What goes on while the lab runs."""

    def __init__(self, stage: Stage, seed: int, sink: Sink, say: Say, tell: Tell) -> None:
        self._clock, self._say, self._tell = stage.clock, say, tell
        self._faults, self._flow = Faults(stage, seed), Flow(stage, sink)
        self._measuring = Measuring(seed, stage.clock.now())
        self._said_at = monotonic()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Begin a fault; answers what it does, or the `error`."""
        try:
            begun = self._faults.begin(order)
        except (RefusedError, LookupError, TypeError, OSError, CallError, ChildFailedError) as error:
            return {"error": str(error)}
        self._say(f"fault {begun['id']}: {begun['kind']} on {begun['target']} until {begun['end']}")
        return begun

    def end_faults(self, everything: bool = False) -> None:
        """End the faults whose time is over, or all."""
        for done in self._faults.end(self._clock.now(), everything):
            self._measuring.add(done)

    def step(self, last: bool = False) -> None:
        """Pass on what is new, end faults, tell the truth, and say the rates, each when it is due."""
        self.end_faults()
        self._flow.pass_on(self._measuring)
        for entry in self._measuring.entries(self._clock.now(), everything=last):
            self._tell(entry)
        if (passed_s := monotonic() - self._said_at) >= SAY_EVERY_S:
            self._say(self._flow.rates(passed_s, self._faults.running))
            self._said_at = monotonic()


@contextmanager
def _running(stage: Stage, rates: dict[str, float], seed: int) -> Iterator[None]:
    stage.scene.start_tools(None, rates, seed)
    stage.scene.go(monotonic() + 0.2)
    stage.supervisor.start()
    try:
        yield
    finally:
        stage.supervisor.stop()
