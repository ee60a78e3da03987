"""What `up` started, as a file, so that `down` and `status` in another shell find it again."""

from pathlib import Path

import msgspec

from crosstide.cluster.broker import Broker
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.processes import Proc


class State(msgspec.Struct, frozen=True):
    """A whole local cluster; `python` is the interpreter whose environment holds our wheel.

    `watcher` keeps the others running, and serves metrics at `metrics_port`; absent where nobody does.
    """

    broker: Broker
    flink: FlinkCluster
    python: Path
    watcher: Proc | None = None
    metrics_port: int = 0

    @property
    def parts(self) -> list[Proc]:
        """Return all processes."""
        watcher = [] if self.watcher is None else [self.watcher]
        return [self.broker.process, self.flink.jobmanager, self.flink.taskmanager, *watcher]

    def alive(self) -> dict[str, bool]:
        """Say of each process, by name, whether it still runs."""
        return {process.name: process.alive() for process in self.parts}


def state_file(run_dir: Path) -> Path:
    """Return the file's place, `cluster.json` in the run folder."""
    return run_dir / "cluster.json"


def write_state(run_dir: Path, state: State) -> None:
    """Write the state whole, or not at all."""
    partial = state_file(run_dir).with_suffix(".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(state, enc_hook=str), indent=2))
    partial.rename(state_file(run_dir))


def read_state(run_dir: Path) -> State | None:
    """Return what was started from this folder, None for nothing; raises ClusterError for a file that is not ours."""
    file = state_file(run_dir)
    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=State, dec_hook=_path)
    except msgspec.MsgspecError as error:
        raise ClusterError(f"{file} cannot be read ({error}): run `crosstide cluster down`, then delete it") from None


def running_state(run_dir: Path) -> State:
    """Return what runs from this folder; raises ClusterError when nothing, or not all of it, does."""
    state = read_state(run_dir)
    if state is None or not all(state.alive().values()):
        raise ClusterError("no cluster runs from this folder: start it with `crosstide cluster up`")
    return state


def _path(wanted: type, value: str) -> Path:
    if wanted is not Path:
        raise NotImplementedError(f"no way to read a {wanted}")
    return Path(value)
