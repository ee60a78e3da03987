"""Every fault: what strikes, on which load, and what is promised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench import faults_data as data
from bench import faults_guards as guards
from bench import faults_strikes as strikes
from bench.faults_feed import Spoil
from bench.faults_load import RATE
from bench.faults_strikes import Strike

#: Seconds of load. Who strikes five times needs time to recover five times.
SHORT_S, MIDDLE_S, LONG_S = 80, 130, 330
#: The longest time without output that is promised (s): docs/reliability.md.
WORKER_S, TASKMANAGER_S, JOBMANAGER_S = 10.0, 20.0, 60.0


@dataclass(frozen=True)
class Fault:
    """One fault. `limit_s`: the longest gap allowed, None where none is promised; `times`: how often it strikes.

    `restarts`: the job may restart at most so often for each kill; 0 for faults of data, which must never restart it.
    `without`: what may differ from the oracle; `large`: topics must take the record of 10 MB; `small_disk`: the
    checkpoints lie on a disk that can be filled. `quick`: also played by `--quick`.
    """

    name: str
    strike: Strike
    seconds: int = SHORT_S
    limit_s: float | None = None
    restarts: int = 0
    times: int = 1
    spoil: Spoil | None = None
    overrides: Sequence[str] = ()
    without: Sequence[str] = ()
    parallelism: int = 0
    large: bool = False
    small_disk: bool = False
    quick: bool = False
    rate: int = RATE


CONFIG = ("data.provenance.config_sha256",)

FAULTS: tuple[Fault, ...] = (
    Fault(
        "taskmanager killed, 5 times", strikes.taskmanager_killed, LONG_S, TASKMANAGER_S, restarts=1, times=5,
        quick=True,
    ),
    Fault("taskmanager killed at random, 5 times", strikes.taskmanager_killed_at_random, 180, restarts=2, times=5),
    Fault("taskmanager stopped past the heartbeat", strikes.taskmanager_stopped, MIDDLE_S, restarts=2),
    Fault("taskmanager hung for good", strikes.taskmanager_hung, MIDDLE_S, restarts=2),
    Fault("jobmanager hung for good", strikes.jobmanager_hung, MIDDLE_S, restarts=2),
    Fault(
        "python workers killed, 5 times", strikes.workers_killed, LONG_S, WORKER_S, restarts=1, times=5, quick=True
    ),
    Fault(
        "jobmanager killed, 5 times", strikes.jobmanager_killed, LONG_S, JOBMANAGER_S, restarts=1, times=5, quick=True
    ),
    Fault("jobmanager and taskmanager killed", strikes.both_killed, MIDDLE_S, JOBMANAGER_S, restarts=1),
    Fault("broker killed", strikes.broker_killed, MIDDLE_S, restarts=3, quick=True),
    Fault("broker bounced, 5 times", strikes.broker_bounced, 180, restarts=20, times=5),
    Fault("broker away for a minute", strikes.broker_away, 180, restarts=20),
    Fault("savepoint, thresholds and detectors changed", strikes.changed_at_a_savepoint, MIDDLE_S, without=CONFIG,
          quick=True),
    Fault("rescaled 1 to 2 to 1", strikes.rescaled, 180, parallelism=1),
    Fault("poison of every kind, 1 in 50", strikes.nothing, spoil=data.poisoned, quick=True),
    Fault("a record of 10 MB", strikes.nothing, spoil=data.huge, large=True),
    Fault("a record years ahead", strikes.nothing, spoil=data.far_future),
    Fault(
        "a silent partition", strikes.nothing, spoil=data.one_partition,
        overrides=("windows.idle_timeout=10s",), without=CONFIG,
    ),
    Fault(
        "a flood of 100,000 new services", strikes.nothing, MIDDLE_S, spoil=data.flooded,
        overrides=("limits.max_services=2000",), without=CONFIG, quick=True,
    ),
    Fault("two jobs of one name", guards.same_name_twice, MIDDLE_S),
    Fault("restored with another pane", guards.another_pane, MIDDLE_S),
    Fault("checkpoint folder full", strikes.nothing, MIDDLE_S, small_disk=True, quick=True),
)  # fmt: skip
#: What `make test` plays.
ONE_KILL = Fault("taskmanager killed once", strikes.taskmanager_killed, SHORT_S, TASKMANAGER_S, restarts=1)


def once(fault: Fault) -> str:
    """Name a fault that strikes only once."""
    return fault.name.partition(",")[0] if fault.times > 1 else fault.name


def quickly(faults: Sequence[Fault]) -> list[Fault]:
    """Return some of them, each striking once: the whole in less than half an hour."""
    return [
        replace(fault, name=once(fault), times=1, seconds=min(fault.seconds, MIDDLE_S))
        for fault in faults
        if fault.quick
    ]
