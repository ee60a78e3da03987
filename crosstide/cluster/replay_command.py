"""What `crosstide cluster replay` does: replay, print, compare."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.replay import Replay, replay
from crosstide.cluster.state import read_state
from crosstide.demo import FAULTY, learned
from jobs.settings import load_pipeline


def run_replay(
    run_dir: Path,
    folder: Path | None,
    artifacts: Path | None,
    overrides: Sequence[str],
    against: Path | None,
    out: Console,
    err: Console,
) -> bool:
    """Replay onto the running cluster and print; answers whether the incidents equal those of `against`."""
    state = read_state(run_dir)
    if state is None or not all(state.alive().values()):
        raise ClusterError("no cluster runs from this folder: start it with `crosstide cluster up`")
    if folder is None:
        folder, artifacts = FAULTY, artifacts or learned(run_dir / "artifacts")
    pipeline = load_pipeline(None, overrides, beside=folder)
    what = Replay(folder, pipeline.windows, int(time.time() * 1000), artifacts, overrides)
    work = (run_dir / "elsewhere").resolve()
    work.mkdir(parents=True, exist_ok=True)
    done = replay(
        what, state.broker, state.flink, state.python, work, lambda text: err.print(f"{text} ...", style="dim")
    )
    for event in done.incidents:
        out.print(f"{event['time'][11:19]} {event['type'].split('.')[-2]:<9} {event['data']['title']}", soft_wrap=True)
    out.print(f"{len(done.incidents)} revisions on the topic incidents; {sum(done.fed.values())} records fed")
    if against is None:
        return True
    same = comparable(done.incidents) == comparable(read_lines(against))
    out.print(f"{'equal to' if same else 'DIFFERENT from'} {against}, but for recordedtime", soft_wrap=True)
    return same


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of incidents."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def comparable(events: Sequence[dict[str, Any]]) -> list[str]:
    """Answer revisions without their processing time, as text, in order of time, incident and revision."""
    kept = [{key: value for key, value in event.items() if key != "recordedtime"} for event in events]
    kept.sort(key=lambda event: (event["time"], event["subject"], event["sequence"]))
    return [json.dumps(event) for event in kept]
