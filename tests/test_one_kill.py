"""One kill; all the others are `python -m bench.faults`."""

import time
from pathlib import Path

import pytest

from bench.faults_list import ONE_KILL
from bench.faults_play import Oracle, play
from bench.faults_world import World


@pytest.mark.kills
@pytest.mark.timeout(900)
def test_a_killed_taskmanager_loses_nothing_repeats_nothing_and_leaves_no_orphan(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        oracle = Oracle(world, int(time.time() * 1000) // 60_000 * 60_000 - 600_000)
        played = play(world, oracle, ONE_KILL, 1, seed=1)
    finally:
        world.close()
    assert (played.outcome, played.detail) == ("equal", ""), world.said
    assert (played.kills, played.orphans) == (1, 0)
    assert played.restarts >= 1
    assert played.incidents > 10
