"""Faults that must be refused, or waited out: a second job of one name, another pane, a full checkpoint folder."""

import subprocess
import time
from pathlib import Path

import msgspec

from bench.faults_scene import Scene
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.kept import kept_job
from crosstide.cluster.resume import begin
from crosstide.cluster.savepoints import note, shape_at
from crosstide.cluster.submit import Submission
from crosstide.cluster.wheel import site_packages
from jobs.shape import refusal

FULL_S = 20.0


class SkippedError(RuntimeError):
    """This machine cannot play the fault; the message says why."""


def same_name_twice(scene: Scene) -> None:
    """Submit a second job with the transactional ids of the first: it must be refused, and the first not notice."""
    scene.wait_fed(0.4)
    kept = kept_job(scene.world.run_dir, scene.name)
    strike = time.monotonic()
    try:
        begin(msgspec.structs.replace(kept, job_ids=[]), scene.world.state, scene.world.run_dir / "twice")
    except ClusterError as error:
        if "already runs" not in str(error):
            raise
        scene.notes.append("the second was refused")
    else:
        raise AssertionError("a second job of the same name was taken")
    scene.struck(strike)


def another_pane(scene: Scene) -> None:
    """Try to go on from a savepoint with another pane: refused by Flink, and with the reason by us."""
    scene.wait_fed(0.4)
    kept, world = kept_job(scene.world.run_dir, scene.name), scene.world
    strike = time.monotonic()
    place = world.state.flink.rest.savepoint(kept.job_id, (world.state.flink.home / "savepoints").as_uri(), stop=False)
    note(place, kept)
    why = refusal(shape_at(place), {**kept.shape, "windows.pane": 500})
    if why is None or "windows.pane was 1s and is 500ms" not in why:
        raise AssertionError(f"the reason is not told: {why}")
    entry = site_packages(world.state.python) / "jobs" / "pipeline.py"
    name = ["--name", f"{scene.name}-other"]
    words = [*kept.arguments, *name, "--set", "windows.pane=500ms"]
    what = Submission(entry, words, world.state.python, place)
    try:
        other = world.state.flink.submit(what, world.run_dir / "elsewhere")
        world.state.flink.rest.wait_state(other, "RUNNING", 60)
    except ClusterError as error:
        if "savepoint" not in str(error) and "FAILED" not in str(error):
            raise
        scene.notes.append("Flink refused it too")
    else:
        raise AssertionError("Flink restored state of another pane")
    scene.struck(strike)


class SmallDisk:
    """A file system of 64 MB, mounted for the checkpoints of one job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SkippedError(f"no file system can be mounted here: {done.stderr.strip()}")

    def fill(self) -> None:
        """Leave no room."""
        with (self.folder / "filler").open("wb") as filler:
            try:
                while True:
                    filler.write(b"\0" * 65_536)
                    filler.flush()
            except OSError:
                return

    def empty(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink()

    def close(self) -> None:
        """Unmount it, however busy."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)


def disk_full(scene: Scene, disk: SmallDisk) -> None:
    """Fill the checkpoints' file system for a while: output waits, the job does not restart, and nothing is lost."""
    scene.wait_fed(0.4)
    strike = time.monotonic()
    disk.fill()
    time.sleep(FULL_S)
    disk.empty()
    scene.struck(strike)
    job_id = kept_job(scene.world.run_dir, scene.name).job_id
    counts = scene.world.state.flink.rest.get(f"/jobs/{job_id}/checkpoints")["counts"]
    scene.notes.append(f"{counts['failed']} checkpoints failed")
