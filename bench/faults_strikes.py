"""Faults of processes and brokers: what strikes while the load runs."""

import os
import signal
import time
from collections.abc import Callable

from bench.faults_scene import Scene
from crosstide.cluster.processes import Proc
from crosstide.cluster.reaper import orphans

Strike = Callable[[Scene], None]
#: Longer than heartbeat.timeout, 15 s.
PAUSE_S = 25.0
AWAY_S = 60.0
#: Longer than the watcher's patience with a process that hangs.
HUNG_S = 200.0


def _kill(scene: Scene, *victims: Proc) -> float:
    """SIGKILL processes as one stroke; answers when it was (monotonic, s)."""
    strike = time.monotonic()
    for victim in victims:
        scene.world.kill(victim)
    scene.kills += 1
    return strike


def _hang(scene: Scene, victim: Proc) -> float:
    strike = time.monotonic()
    os.kill(victim.pid, signal.SIGSTOP)
    while victim.alive():
        if time.monotonic() > strike + HUNG_S:
            raise TimeoutError(f"{victim.name} hangs, and nobody ended it within {HUNG_S:.0f} s")
        time.sleep(0.2)
    scene.kills += 1
    return strike


def taskmanager_killed(scene: Scene) -> None:
    """SIGKILL the TaskManager in mid-window, and again whenever all is well again."""
    scene.wait_fed(0.12)
    for _ in range(scene.times):
        scene.struck(_kill(scene, scene.world.state.flink.taskmanager))


def taskmanager_killed_at_random(scene: Scene) -> None:
    """SIGKILL the TaskManager again and again, 10 to 20 s apart, whether it has recovered or not."""
    scene.wait_fed(0.12)
    first = time.monotonic()
    for _ in range(scene.times):
        _kill(scene, scene.world.state.flink.taskmanager)
        time.sleep(scene.dice.uniform(10, 20))
    scene.struck(first)


def taskmanager_stopped(scene: Scene) -> None:
    """SIGSTOP the TaskManager past the heartbeat, then let it go on: it must not write what it had in hand."""
    scene.wait_fed(0.4)
    strike, process = time.monotonic(), scene.world.state.flink.taskmanager
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(PAUSE_S)
    os.kill(process.pid, signal.SIGCONT)
    scene.kills += 1
    scene.struck(strike)


def taskmanager_hung(scene: Scene) -> None:
    """SIGSTOP the TaskManager for good: the watcher must end it."""
    scene.wait_fed(0.4)
    scene.struck(_hang(scene, scene.world.state.flink.taskmanager))


def jobmanager_hung(scene: Scene) -> None:
    """SIGSTOP the JobManager for good: the watcher must end it."""
    scene.wait_fed(0.4)
    scene.leaving()
    scene.struck(_hang(scene, scene.world.state.flink.jobmanager))


def workers_killed(scene: Scene) -> None:
    """SIGKILL every Python worker, and again whenever all is well again."""
    scene.wait_fed(0.12)
    for _ in range(scene.times):
        scene.struck(_kill(scene, *scene.world.workers()))


def jobmanager_killed(scene: Scene) -> None:
    """SIGKILL the JobManager; the watcher starts it again and submits the job from its newest checkpoint."""
    scene.wait_fed(0.1)
    for _ in range(scene.times):
        scene.leaving()
        scene.struck(_kill(scene, scene.world.state.flink.jobmanager))


def both_killed(scene: Scene) -> None:
    """SIGKILL JobManager and TaskManager together."""
    scene.wait_fed(0.4)
    scene.leaving()
    flink = scene.world.state.flink
    scene.struck(_kill(scene, flink.jobmanager, flink.taskmanager))


def broker_killed(scene: Scene) -> None:
    """SIGKILL the broker and start it again at once."""
    scene.wait_fed(0.4)
    strike = time.monotonic()
    _bounce(scene, 0)
    scene.struck(strike)


def broker_bounced(scene: Scene) -> None:
    """SIGKILL the broker again and again, each time it has answered for five seconds."""
    scene.wait_fed(0.2)
    strike = time.monotonic()
    for _ in range(scene.times):
        _bounce(scene, 0)
        time.sleep(5)
    scene.struck(strike)


def broker_away(scene: Scene) -> None:
    """SIGKILL the broker, and start it again after a minute."""
    scene.wait_fed(0.3)
    strike = time.monotonic()
    _bounce(scene, AWAY_S)
    scene.struck(strike)


def changed_at_a_savepoint(scene: Scene) -> None:
    """Stop with a savepoint, and go on from it with one detector and one rule more.

    Neither concerns what is in the load, so that every verdict must stay what it was: that is how kept state shows.
    """
    scene.wait_fed(0.5)
    strike = time.monotonic()
    scene.leaving()
    place = scene.world.stop_job(scene.name)
    more = ["detectors.infra=[{kind: ewma}, {kind: cusum}, {kind: static}]", "rules.0.above=210"]
    scene.world.submit(scene.name, scene.prefix, more, start=place)
    scene.struck(strike)


def rescaled(scene: Scene) -> None:
    """Stop a job that is one wide, go on two wide, and again one wide."""
    for share, parallelism in ((0.35, 2), (0.65, 1)):
        scene.wait_fed(share)
        strike = time.monotonic()
        scene.leaving()
        place = scene.world.stop_job(scene.name)
        scene.world.submit(scene.name, scene.prefix, start=place, parallelism=parallelism)
        scene.struck(strike)


def nothing(scene: Scene) -> None:
    """Strike nothing: the fault is in the data."""
    scene.wait_fed(1.0)


def orphans_left(scene: Scene, deadline_s: float = 30.0) -> int:
    """Return how many orphan workers are there, once none is or at the deadline."""
    deadline = time.monotonic() + deadline_s
    while (left := len(orphans(scene.world.run_dir))) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def _bounce(scene: Scene, away_s: float) -> None:
    scene.world.kill(scene.world.state.broker.process)
    time.sleep(away_s)
    scene.world.restart_broker()
