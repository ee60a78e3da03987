"""The local cluster as one thing: start all of it, stop all of it."""

from collections.abc import Callable
from pathlib import Path

from crosstide.cluster import broker, flink, processes
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.state import State, read_state, state_file, write_state
from crosstide.cluster.topics import create_topics
from crosstide.cluster.wheel import cluster_python

Say = Callable[[str], None]


def up(run_dir: Path, slots: int, say: Say) -> State:
    """Start broker, topics, Flink and the Python environment; returns what already runs there as it is.

    Raises ClusterError when a part does not start, having stopped the others, or when only a part of it runs.
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
        cluster = flink.launch(run_dir, slots, python)
        broker.wait_ready(kafka)
        create_topics(kafka.bootstrap)
        flink.wait_ready(cluster)
    except BaseException:
        down(run_dir)
        raise
    state = State(kafka, cluster, python)
    write_state(run_dir, state)
    return state


def down(run_dir: Path) -> list[str]:
    """Stop whatever was started from this folder and return the names; messages, checkpoints and logs stay.

    Works from the mark that each process carries, so also after a kill of `up` or a lost state file. Raises
    ClusterError when something would not go.
    """
    found = processes.left_behind(run_dir)
    workers_last = sorted(found, key=lambda process: process.name != "java")
    processes.stop(workers_last)
    # a TaskManager may have started a worker while it was being asked to end
    processes.stop(processes.left_behind(run_dir))
    left = processes.left_behind(run_dir)
    if left:
        raise ClusterError("would not end: " + ", ".join(f"{process.name} ({process.pid})" for process in left))
    state_file(run_dir).unlink(missing_ok=True)
    return [process.name for process in found]
