"""Memory groups: found in what is mounted, and a real process really killed by the kernel."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crosstide.lab.cgroups import controller, lacking, memory_group
from crosstide.lab.faults import kinds

reason = lacking()
needs_groups = pytest.mark.skipif(bool(reason), reason=f"needs {reason}")

LIMIT = 32 << 20
# says that it is there, waits for a word, then takes a megabyte at a time, four times the limit at most
HUNGRY = """
print("ready", flush=True)
input()
kept = [b"x" * (1 << 20) for _ in range(128)]
print("fed", flush=True)
input()
"""


@contextmanager
def hungry() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", HUNGRY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert said(process) == "ready"
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def feed(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_the_memory_controller_of_the_first_version_is_found_by_its_option() -> None:
    mounts = "tmpfs /c tmpfs rw 0 0\ncgroup /c/cpu cgroup rw,cpu 0 0\ncgroup /c/memory cgroup rw,relatime,memory 0 0\n"
    found = controller(mounts)
    assert found is not None
    assert (found.mount, found.limit, found.kills) == (Path("/c/memory"), "memory.limit_in_bytes", "memory.oom_control")


@pytest.mark.parametrize(("handed_down", "usable"), [("cpu memory pids\n", True), ("cpu pids\n", False)])
def test_the_second_version_counts_where_it_hands_memory_down_to_groups(
    handed_down: str, usable: bool, tmp_path: Path
) -> None:
    (tmp_path / "cgroup.subtree_control").write_text(handed_down)
    found = controller(f"cgroup2 {tmp_path} cgroup2 rw 0 0\n")
    assert (found is not None) == usable
    assert found is None or (found.limit, found.kills) == ("memory.max", "memory.events")


def test_a_leak_is_left_out_where_no_group_can_be_made() -> None:
    assert kinds()["memory_leak"].requires() == lacking()


@needs_groups
def test_the_kernel_kills_who_takes_more_than_the_limit_and_counts_it() -> None:
    with hungry() as process, memory_group(LIMIT) as group:
        (group.path / "cgroup.procs").write_text(str(process.pid))
        assert group.kills() == 0
        feed(process)
        assert said(process) == ""
        assert process.wait(30) == -signal.SIGKILL
        assert group.kills() == 1
    assert not group.path.exists()


@needs_groups
def test_a_process_still_inside_lives_on_outside_when_the_group_is_removed() -> None:
    with hungry() as process:
        with memory_group(LIMIT) as group:
            (group.path / "cgroup.procs").write_text(str(process.pid))
        assert not group.path.exists()
        feed(process)
        assert said(process) == "fed"
        assert process.poll() is None


@needs_groups
def test_a_group_is_removed_also_when_its_block_is_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), memory_group(LIMIT) as group:
        raise KeyboardInterrupt
    assert not group.path.exists()
