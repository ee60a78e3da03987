"""Plays one fault: a job of its own on topics of its own, a load, a strike, and the judgement against the oracle."""

import random
import time
import traceback
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.faults_data import FOREIGN
from bench.faults_feed import Feeder, allow_large
from bench.faults_guards import SkippedError, SmallDisk, disk_full
from bench.faults_judge import Event, about, judge, judge_accounts
from bench.faults_list import Fault
from bench.faults_load import Load
from bench.faults_output import OutputWatch
from bench.faults_scene import START_S, Scene, median, settle, wait_consumed
from bench.faults_strikes import orphans_left
from bench.faults_world import World
from crosstide.cluster.kept import kept_job
from crosstide.cluster.replay import incidents_of

#: Records that are behind when the load has been fed, and the time to read them.
DRAIN_S = 240.0
#: Records a second that a job without faults reads at least.
SLOWEST = 2_000


@dataclass(frozen=True)
class Played:
    """What came of a fault; written to bench/results/faults.json. `ok`: equal, within its limits, accounts exact.

    `outcome` is the judge's, or `skipped` (this machine cannot play it), or `unfinished`: no judgement could be made.
    """

    fault: str
    outcome: str
    longest_gap_s: float | None
    restarts: int
    median_gap_s: float | None = None
    limit_s: float | None = None
    kills: int = 0
    records: int = 0
    incidents: int = 0
    orphans: int = 0
    drained_s: float = 0.0
    seed: int = 0
    ok: bool = False
    detail: str = ""
    notes: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


class Oracle:
    """The incidents of a load without faults, made once for each length."""

    def __init__(self, world: World, start_ms: int) -> None:
        self._world, self.start_ms = world, start_ms
        self._known: dict[tuple[int, int], list[Event]] = {}

    def incidents(self, load: Load) -> list[Event]:
        """Return the revisions that a load gives. Raises AssertionError when it has none to lose."""
        key = (load.seconds, load.rate)
        if key not in self._known:
            events = _run_without(self._world, load)
            assert len(events) > 10, f"the oracle of {load.seconds} s has {len(events)} revisions: nothing to lose"
            self._known[key] = events
        return self._known[key]


def play(world: World, oracle: Oracle, fault: Fault, number: int, seed: int) -> Played:
    """Play a fault. Whatever goes wrong is an outcome, never the end of the others."""
    try:
        expected = oracle.incidents(Load(oracle.start_ms, fault.seconds, fault.rate))
        return _play(world, oracle, fault, f"fault{number}", seed, expected)
    except SkippedError as why:
        return Played(fault.name, "skipped", None, 0, detail=str(why))
    except Exception as error:  # told in the table, with its seed
        world.say(traceback.format_exc())
        return Played(fault.name, "unfinished", None, 0, seed=seed, detail=f"{type(error).__name__}: {error}"[:500])
    finally:
        _clear(world, f"fault{number}")


def _play(world: World, oracle: Oracle, fault: Fault, name: str, seed: int, expected: Sequence[Event]) -> Played:
    prefix, load = f"{name}-", Load(oracle.start_ms, fault.seconds, fault.rate)
    disk = SmallDisk(world.run_dir / "small") if fault.small_disk else None
    try:
        settings = {} if disk is None else {"execution.checkpointing.dir": disk.folder.as_uri()}
        world.submit(name, prefix, fault.overrides, parallelism=fault.parallelism, settings=settings)
        if fault.large:
            allow_large(world.bootstrap, f"{prefix}model-outputs")
        output = OutputWatch(world.bootstrap, f"{prefix}model-scores")
        feeder = Feeder(world.bootstrap, prefix, load, spoil=fault.spoil)
        scene = Scene(world, name, prefix, load, feeder, output, random.Random(seed), fault.times)
        output.start()
        feeder.start()
        try:
            output.wait(time.monotonic(), START_S + 60)
            if disk is not None:
                disk_full(scene, disk)
            else:
                fault.strike(scene)
            feeder.finished(fault.seconds + 600)
            return _judged(scene, fault, seed, expected)
        finally:
            output.end()
    finally:
        if disk is not None:
            disk.close()


def _judged(scene: Scene, fault: Fault, seed: int, expected: Sequence[Event]) -> Played:
    world, fed = scene.world, dict(scene.feeder.counts)
    began = time.monotonic()
    with closing(wait_consumed(world, scene.prefix, fed, DRAIN_S)) as ledger:
        drained_s = time.monotonic() - began
        settle(world, scene.name, kept_job(world.run_dir, scene.name).job_id)
        accounts = judge_accounts(fed, ledger.catch_up().accounts)
    found = about(incidents_of(world.bootstrap, scene.prefix), FOREIGN)
    finding = judge(expected, found, (*fault.without, "data.provenance.replay"))
    restarts = scene.restarts_before + world.restarts(scene.name)
    longest = max(scene.gaps, default=None)
    orphans = orphans_left(scene)
    within = longest is None or fault.limit_s is None or longest <= fault.limit_s
    allowed = fault.restarts * max(scene.kills, 1 if fault.restarts else 0)
    detail = "; ".join(filter(None, [finding.detail, "; ".join(accounts)]))
    return Played(
        fault=fault.name,
        outcome=finding.outcome,
        longest_gap_s=longest,
        restarts=restarts,
        median_gap_s=median(scene.gaps) if scene.gaps else None,
        limit_s=fault.limit_s,
        kills=scene.kills,
        records=sum(fed.values()),
        incidents=len(found),
        orphans=orphans,
        drained_s=round(drained_s, 1),
        seed=seed,
        ok=finding.outcome == "equal" and not accounts and within and restarts <= allowed and not orphans,
        detail=detail,
        notes=scene.notes,
    )


def _run_without(world: World, load: Load) -> list[Event]:
    """Run the load through a job that nothing happens to, as fast as it goes."""
    name = f"oracle{load.seconds}"
    try:
        kept = world.submit(name, f"{name}-")
        feeder = Feeder(world.bootstrap, f"{name}-", load, pace=0)
        feeder.start()
        feeder.finished(600)
        patience_s = DRAIN_S + START_S + load.seconds * load.rate / SLOWEST
        with closing(wait_consumed(world, f"{name}-", dict(feeder.counts), patience_s)):
            settle(world, name, kept.job_id)
        return incidents_of(world.bootstrap, f"{name}-")
    finally:
        _clear(world, name)


def _clear(world: World, name: str) -> None:
    """Leave nothing of a job behind; what cannot be cleared is said, and is no reason to end."""
    try:
        if not world.state.broker.process.alive():
            world.restart_broker()
        world.drop_job(name, f"{name}-")
    except Exception as error:
        world.say(f"clearing {name}: {type(error).__name__}: {error}")
