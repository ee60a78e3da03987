"""`python -m bench.soak`: an hour at 500 messages a second with a kill every five minutes; nothing may grow.

Writes bench/results/soak.json: memory slope, open files, orphans, lag, and the judgement against the oracle.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.faults import PAGE
from bench.faults_list import Fault
from bench.faults_play import Oracle, Played, play
from bench.faults_scene import Scene
from bench.faults_table import fill_text, markdown
from bench.faults_world import World
from crosstide.cluster.lag import reading_or_none
from crosstide.cluster.reaper import orphans
from jobs.launch_names import group

RESULTS = Path(__file__).parent / "results" / "soak.json"
RATE, EVERY_S, SAMPLE_S = 500, 300.0, 15.0
#: Samples of the first so many seconds are warm-up: workers load, heaps grow to their size.
WARM_S = 600.0


@dataclass(frozen=True)
class Sample:
    """One look. Memory in MB; `lag` in records, -1 where Kafka did not answer."""

    at_s: float
    memory_mb: dict[str, float]
    open_files: int
    orphans: int
    lag: int


class Sampler(threading.Thread):
    """Looks at the world every quarter of a minute."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(daemon=True, name="sampler")
        self._scene, self._over = scene, threading.Event()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Look until told to end."""
        world, began = self._scene.world, time.monotonic()
        while not self._over.wait(SAMPLE_S):
            behind = reading_or_none(world.bootstrap, group(self._scene.name, "pipeline"))
            try:
                files = world.open_files()
            except Exception:  # between a kill and the next start there is no TaskManager
                continue
            left, lag = (
                len(orphans(world.run_dir)),
                -1 if behind is None else sum(unread for _, unread in behind.values()),
            )
            self.samples.append(Sample(time.monotonic() - began, world.memory_mb(), files, left, lag))

    def end(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(60)


def kills(scene: Scene, samples: list[Sample]) -> None:
    """Kill in turn: workers, TaskManager, workers, JobManager."""
    sampler = Sampler(scene)
    sampler.start()
    turn = 0
    while scene.feeder.is_alive() and scene.feeder.reached_s < scene.load.seconds - EVERY_S:
        scene.wait_fed(min(1.0, (turn + 1) * EVERY_S / scene.load.seconds), 2 * EVERY_S)
        strike, flink = time.monotonic(), scene.world.state.flink
        if turn % 4 == 1:
            scene.world.kill(flink.taskmanager)
        elif turn % 4 == 3:
            scene.leaving()
            scene.world.kill(flink.jobmanager)
        else:
            for worker in scene.world.workers():
                scene.world.kill(worker)
        scene.kills += 1
        turn += 1
        scene.struck(strike)
    scene.wait_fed(1.0, 2 * EVERY_S)
    sampler.end()
    samples += sampler.samples


def slope_mb_h(samples: list[Sample], part: str) -> float:
    """Return the least-squares slope of a part's memory after the warm-up, MB an hour.

    A killed process begins again with little memory; the JVM's slope is that of its largest sample in each interval.
    """
    kept = [one for one in samples if one.at_s > WARM_S]
    if len(kept) < 3:
        return 0.0
    hours = np.array([one.at_s for one in kept]) / 3600
    return float(np.polyfit(hours, [one.memory_mb.get(part, 0.0) for one in kept], 1)[0])


def figures(played: Played, samples: list[Sample]) -> dict[str, object]:
    """Return what the soak showed."""
    kept = [one for one in samples if one.at_s > WARM_S] or samples
    lags = [one.lag for one in kept if one.lag >= 0]
    return {
        **played.plain(),
        "slope_mb_h": {part: round(slope_mb_h(samples, part), 1) for part in ("jobmanager", "taskmanager", "python")},
        "memory_mb": {part: round(kept[-1].memory_mb[part]) for part in kept[-1].memory_mb} if kept else {},
        "open_files": [kept[0].open_files, kept[-1].open_files] if kept else [],
        "orphans_most": max((one.orphans for one in kept), default=0),
        "lag_median": float(np.median(lags)) if lags else None,
        "lag_end": lags[-1] if lags else None,
        "samples": [asdict(one) for one in samples],
    }


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=13, help="repeats a run")
    asked = parser.parse_args()
    console, samples = Console(width=180, highlight=False), list[Sample]()
    run_dir = Path(tempfile.mkdtemp(prefix="crosstide-soak-"))
    world = World(run_dir)
    try:
        # so long ago that the oracle, which runs as fast as it goes, does not run into the future either
        start_ms = (int(time.time()) - 60 * asked.minutes - 600) // 60 * 60_000
        fault = Fault("soak", lambda scene: kills(scene, samples), 60 * asked.minutes, restarts=3, rate=RATE)
        played = play(world, Oracle(world, start_ms), fault, 1, asked.seed)
    finally:
        world.close()
    found = figures(played, samples)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    shown = [[name, str(value)] for name, value in found.items() if name != "samples"]
    fill_text(PAGE, "soak", markdown(["figure", "value"], shown))
    for name, value in shown:
        console.print(f"{name:15} {value}")
    return 0 if played.ok else 1


if __name__ == "__main__":
    sys.exit(main())
