"""Keeps a local cluster running without a person: `python -m crosstide.cluster.watch RUN_DIR`.

A process that has gone is started again with the same configuration and ports; a job that its JobManager took along is
submitted again from its newest checkpoint; Python workers without a TaskManager are ended, and a JobManager or
TaskManager that hangs. It also serves `/metrics`. What it does not do: watch itself (`crosstide cluster status` says
when it is gone), or notice a broker that hangs.
"""

import argparse
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from crosstide.cluster import processes
from crosstide.cluster.again import Commands
from crosstide.cluster.broker import Broker
from crosstide.cluster.flink import JOBMANAGER, TASKMANAGER
from crosstide.cluster.hung import Hung
from crosstide.cluster.processes import Say
from crosstide.cluster.reaper import reap
from crosstide.cluster.state import State, read_state, write_state
from crosstide.cluster.tend import Tender

LOOK_S = 0.5
#: Orphans, and who hangs, are looked for so often; a search for orphans reads the environment of every process.
REAP_S = 5.0

Part = Literal["kafka", "jobmanager", "taskmanager"]
PARTS: tuple[Part, ...] = ("kafka", "jobmanager", "taskmanager")


class Watch:
    """One who looks after a run folder; used by one thread. `counts`: what was done so far, for the metrics."""

    def __init__(self, run_dir: Path, say: Say, parts: Sequence[Part] = PARTS) -> None:
        self._run_dir, self._say, self._parts = run_dir.resolve(), say, parts
        self._reaped_at = 0.0
        self._tender, self._hung, self._commands = Tender(self._run_dir, say), Hung(say), Commands()
        self.counts: dict[str, int] = {**dict.fromkeys(parts, 0), "orphans": 0, "jobs": 0}

    def look(self) -> None:
        """Look once, and do what is needed. Does nothing while no cluster was started from the folder."""
        state = read_state(self._run_dir)
        if state is None:
            return
        before = state.flink.jobmanager
        state = self._revived(state)
        if time.monotonic() - self._reaped_at > REAP_S:
            self._reap()
            self._hung.look(state)
        self._tender.look(state, lost=state.flink.jobmanager != before)
        self.counts["jobs"] = self._tender.submitted

    def _revived(self, state: State) -> State:
        """Start again what has gone; the state file then names the new processes."""
        started: dict[Part, processes.Proc | Broker] = {}
        for part in self._parts:
            process = self._process(state, part)
            if process.alive():
                self._commands.note(process)
                continue
            self._say(f"{part} ({process.pid}) has gone: starting it again")
            self.counts[part] += 1
            if part == TASKMANAGER:
                self._reap()
            started[part] = (
                state.broker.again(self._run_dir) if part == "kafka" else self._commands.again(part, self._run_dir)
            )
        if not started:
            return state
        # read anew, and only these changed: others may have written meanwhile
        newest = read_state(self._run_dir) or state
        for part, what in started.items():
            if isinstance(what, Broker):
                newest = msgspec.structs.replace(newest, broker=what)
            else:
                newest = msgspec.structs.replace(newest, flink=newest.flink.with_process(part, what))
        write_state(self._run_dir, newest)
        return newest

    @staticmethod
    def _process(state: State, part: Part) -> processes.Proc:
        by_part = {"kafka": state.broker.process, JOBMANAGER: state.flink.jobmanager}
        return by_part.get(part, state.flink.taskmanager)

    def _reap(self) -> None:
        reaped = reap(self._run_dir)
        self._reaped_at = time.monotonic()
        self.counts["orphans"] += len(reaped)
        if reaped:
            self._say("ended without a TaskManager: " + ", ".join(f"{one.name} ({one.pid})" for one in reaped))


def main() -> None:
    """Look until asked to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run_dir", type=Path)
    run_dir: Path = parser.parse_args().run_dir
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    watch = Watch(run_dir, lambda text: print(f"{time.strftime('%H:%M:%S')} {text}", flush=True))
    _serve_metrics(run_dir, watch)
    while not stop.wait(LOOK_S):
        try:
            watch.look()
        except Exception as error:  # whoever keeps others alive must not die of them; what it was is in the log
            print(f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}", flush=True)


def _serve_metrics(run_dir: Path, watch: Watch) -> None:
    from crosstide.cluster.exporter import Watched, serve

    state = read_state(run_dir)
    if state is not None and state.metrics_port:
        serve(f"127.0.0.1:{state.metrics_port}", Watched(run_dir, watch.counts))


if __name__ == "__main__":
    main()
