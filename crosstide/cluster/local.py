"""The local cluster as one thing: start all of it, stop all of it."""

import sys
import time
from pathlib import Path

import psutil

from crosstide.cluster import broker, flink, processes
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.processes import Proc, Say
from crosstide.cluster.state import State, read_state, state_file, write_state
from crosstide.cluster.topics import create_topics
from crosstide.cluster.wheel import cluster_python

WATCHER_S = 60.0


def up(run_dir: Path, slots: int, say: Say, metrics: bool = False) -> State:
    """Start broker, topics, Flink, the Python environment and the watcher; returns what already runs as it is.

    `metrics`: Flink's own Prometheus reporter too, which listens on every interface. Raises ClusterError when a part
    does not start, having stopped the others, or when only a part of it runs.
    """
    running = read_state(run_dir)
    if running is not None and any(running.alive().values()):
        if all(running.alive().values()):
            return running
        raise ClusterError("only a part of the cluster runs: stop it first with `crosstide cluster down`")
    run_dir.mkdir(parents=True, exist_ok=True)
    try:
        say("building the wheel and its Python environment")
        python = cluster_python(run_dir)
        say("starting Kafka and Flink")
        # both at once: each spends its start waiting
        kafka = broker.launch(run_dir)
        cluster = flink.launch(run_dir, slots, python, metrics)
        broker.wait_ready(kafka)
        create_topics(kafka.bootstrap)
        flink.wait_ready(cluster)
        [port] = processes.free_ports(1)
        # before the watcher starts, for it reads the state
        write_state(run_dir, State(kafka, cluster, python, None, port))
        state = State(kafka, cluster, python, watch(run_dir), port)
        _wait_listening(port)
        write_state(run_dir, state)
    except BaseException:
        down(run_dir)
        raise
    return state


def _wait_listening(port: int) -> None:
    """Wait for the watcher's metrics: an address that is printed should answer."""
    deadline = time.monotonic() + WATCHER_S
    while not processes.listens("127.0.0.1", port):
        if time.monotonic() > deadline:
            raise ClusterError(f"the watcher does not listen on port {port}: see watcher.log in the run folder")
        time.sleep(0.2)


def watch(run_dir: Path) -> Proc:
    """Start the process that keeps the others running."""
    command = [sys.executable, "-m", "crosstide.cluster.watch", str(run_dir.resolve())]
    return processes.spawn("watcher", command, run_dir, run_dir / "watcher.log")


def down(run_dir: Path) -> list[str]:
    """Stop whatever was started from this folder and return the names; messages, checkpoints and logs stay.

    Works from the mark that each process carries, so also after a kill of `up` or a lost state file. Raises
    ClusterError when something would not go.
    """
    found = processes.left_behind(run_dir)
    _stop_watcher(run_dir, found)
    workers_last = sorted(found, key=lambda process: process.name != "java")
    processes.stop(workers_last)
    # a TaskManager may have started a worker while it was being asked to end
    processes.stop(processes.left_behind(run_dir))
    left = processes.left_behind(run_dir)
    if left:
        raise ClusterError("would not end: " + ", ".join(f"{process.name} ({process.pid})" for process in left))
    state_file(run_dir).unlink(missing_ok=True)
    return [process.name for process in found]


def _stop_watcher(run_dir: Path, found: list[Proc]) -> None:
    """End the watcher before all others, or it would start them again."""
    try:
        state = read_state(run_dir)
    except ClusterError:
        state = None
    watcher = None if state is None or state.watcher is None else state.watcher.pid
    processes.stop(one for one in found if one.pid == watcher or _is_watcher(one))


def _is_watcher(process: Proc) -> bool:
    try:
        return "crosstide.cluster.watch" in psutil.Process(process.pid).cmdline()
    except psutil.Error:
        return False
