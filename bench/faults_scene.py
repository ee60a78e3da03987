"""One job, one load, and what strikes them: the stage on which each fault plays."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from bench.faults_feed import Feeder
from bench.faults_load import Load
from bench.faults_output import OutputWatch, gap
from bench.faults_world import World
from crosstide.cluster.ledger import Ledger

#: A first output needs the workers' start; output after a strike, the longest recovery that is still told from none.
START_S, RECOVERY_S, SETTLE_S = 120.0, 240.0, 8.0


@dataclass
class Scene:
    """What a fault can reach. `gaps`: the longest time without output of each strike (s)."""

    world: World
    name: str
    prefix: str
    load: Load
    feeder: Feeder
    output: OutputWatch
    dice: Random
    #: How often a fault that strikes again and again does.
    times: int = 1
    gaps: list[float] = field(default_factory=list)
    kills: int = 0
    #: Restarts counted under earlier ids of the job.
    restarts_before: int = 0
    notes: list[str] = field(default_factory=list)

    def wait_fed(self, share: float, deadline_s: float = 600.0) -> None:
        """Return when so much of the load was fed, and the job has written something."""
        deadline = time.monotonic() + deadline_s
        while self.feeder.reached_s < share * self.load.seconds and self.feeder.is_alive():
            if time.monotonic() > deadline:
                raise TimeoutError("the load was not fed")
            time.sleep(0.05)

    def struck(self, strike: float) -> float:
        """Wait until the job writes steadily again after a strike, note the gap, and return it."""
        self.output.wait(strike + 1.0, RECOVERY_S)
        # the first output may be what was under way: steady is when it has gone on for a while,
        # or when there is nothing left to write
        while True:
            before = len(self.output.arrivals)
            time.sleep(SETTLE_S)
            if len(self.output.arrivals) >= before + 2 or not self.feeder.is_alive():
                break
            if time.monotonic() > strike + RECOVERY_S:
                raise TimeoutError(f"no steady output {RECOVERY_S:.0f} s after the strike")
        found = gap(self.output.arrivals, strike, time.monotonic())
        self.gaps.append(round(found, 2))
        return found

    def leaving(self) -> None:
        """Take down the count of restarts before the job gets another id."""
        self.restarts_before += self.world.restarts(self.name)


def wait_consumed(world: World, prefix: str, fed: dict[tuple[str, int], int], deadline_s: float) -> Ledger:
    """Return a ledger that has seen an account of every record, or fewer at the deadline: the judge says so."""
    ledger = Ledger(world.bootstrap, prefix)
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        accounts = ledger.catch_up(2.0).accounts
        done = [place for place, count in fed.items() if _accounted(accounts.get(place, {}), count)]
        if len(done) == len(fed):
            break
        time.sleep(0.5)
    return ledger


def _accounted(account: dict[str, int], count: int) -> bool:
    terms = ("scored", "late", "duplicate", "dead_lettered", "dropped_by_policy")
    return account.get("consumed", 0) >= count and sum(account[term] for term in terms) >= count


def settle(world: World, name: str, job_id: str, completed: int = 2, deadline_s: float = 60.0) -> None:
    """Return when the job has completed so many checkpoints more: what it had written by now is then committed."""
    rest, deadline = world.state.flink.rest, time.monotonic() + deadline_s
    first = rest.get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"]
    while rest.get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"] < first + completed:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} completes no checkpoint")
        time.sleep(0.3)


def median(values: Sequence[float]) -> float:
    """Return the median of one or more values."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
