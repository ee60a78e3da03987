"""The real broker and the real Flink cluster: one of each for the whole test session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from crosstide.cluster import broker as kafka
from crosstide.cluster import flink
from crosstide.cluster.wheel import cluster_python
from crosstide.demo import demo
from crosstide.progress import Progress
from tests.small_recording import recording


@pytest.fixture(scope="session")
def cluster_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="session")
def broker(cluster_dir: Path) -> Iterator[kafka.Broker]:
    started = kafka.start(cluster_dir)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def wheel_python(cluster_dir: Path) -> Path:
    return cluster_python(cluster_dir)


@pytest.fixture(scope="session")
def flink_cluster(cluster_dir: Path, wheel_python: Path) -> Iterator[flink.FlinkCluster]:
    started = flink.start(cluster_dir, python=wheel_python)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of the demonstration, on a small recording, for all tests that look at it: its output folder."""
    output = tmp_path_factory.mktemp("demo")
    demo(output, Progress(Console(stderr=True)), recording() / "reference", recording() / "faulty")
    return output
