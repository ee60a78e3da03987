"""A service dies again and again, and its service manager starts it each time.

It is killed outright (SIGKILL), at gaps that the seed draws. The category: none of the contract says "the process
does not stay up". `deployment`, how the service is run, is nearest: a crash loop is where a bad rollout shows.
`unknown` is not accepted, for it stands among the candidates of every incident.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from crosstide.lab.faults import FaultKind, register
from crosstide.lab.meanwhile import meanwhile
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

#: Mean seconds between two kills at no and at full intensity; a start takes about three. Each gap is drawn around it.
LONGEST_S, SHORTEST_S = 9.0, 5.0
SPREAD = 0.2


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Kill the service at once, and then at each gap's end; the last restart may end after the fault."""
    service = slot.service
    rng = random.Random(slot.seed)
    mean_s = LONGEST_S - (LONGEST_S - SHORTEST_S) * slot.intensity

    def strike(over: Event) -> None:
        stage.kill(service)
        while not over.wait(mean_s * rng.uniform(1 - SPREAD, 1 + SPREAD)):
            stage.kill(service)

    with meanwhile(strike):
        yield


register(
    FaultKind(
        name="restart_loop",
        does=f"a service is killed every {SHORTEST_S:g} to {LONGEST_S:g} s, and started again each time",
        needs="the lab's service manager",
        targets=("service/checkout", "service/fraud", "service/price", "service/ranking"),
        categories=("deployment",),
        apply=apply,
    )
)
