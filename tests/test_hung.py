"""A process that lives but does not answer is ended; one that nobody can judge is left alone."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crosstide.cluster.broker import Broker
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.hung import Hung
from crosstide.cluster.processes import Proc, free_ports, spawn, stop
from crosstide.cluster.state import State

DEADLINE_S = 30.0


def sleeper(name: str, run_dir: Path) -> Proc:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return spawn(name, command, run_dir, run_dir / f"{name}.log")


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[State]:
    """Three living processes, and nobody at the REST address."""
    [port] = free_ports(1)
    kafka, jobmanager, taskmanager = (sleeper(name, tmp_path) for name in ("kafka", "jobmanager", "taskmanager"))
    broker = Broker("127.0.0.1:1", kafka, tmp_path, tmp_path / "log")
    yield State(broker, FlinkCluster(tmp_path, port, 2, jobmanager, taskmanager), Path(sys.executable))
    stop([kafka, jobmanager, taskmanager])


def test_a_jobmanager_that_lives_but_does_not_answer_is_ended_and_the_others_are_not(silent: State) -> None:
    said: list[str] = []
    hung, deadline = Hung(said.append, patience_s=0.2), time.monotonic() + DEADLINE_S
    while silent.flink.jobmanager.alive():
        assert time.monotonic() < deadline
        hung.look(silent)
    assert silent.flink.taskmanager.alive()
    assert silent.broker.process.alive()
    assert "jobmanager" in said[0]


def test_a_jobmanager_that_has_only_just_fallen_silent_is_left_alone(silent: State) -> None:
    hung = Hung(lambda _: None, patience_s=600)
    for _ in range(3):
        hung.look(silent)
    assert silent.flink.jobmanager.alive()
