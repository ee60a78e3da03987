"""What the processes of a cluster load once for all jobs: watched in the TaskManager's own log of loaded classes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crosstide.cluster import flink
from crosstide.cluster.broker import Broker
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink import FlinkCluster
from crosstide.kafka_io import read_all
from tests.test_cluster_local import one, submit_on

#: Classes from jars, by name: of Flink, of the Kafka connector (shaded), of PyFlink, of Beam with its gRPC.
FROM_JARS = re.compile(r" (org\.apache\.(?:beam|flink)\.\S+) source: file:")


@pytest.fixture
def logged(tmp_path: Path, wheel_python: Path) -> Iterator[FlinkCluster]:
    """A cluster whose TaskManager says of every class where it came from."""
    options = f"-Xlog:class+load:file={tmp_path / 'classes.log'}"
    started = flink.start(tmp_path, python=wheel_python, settings={"env.java.opts.taskmanager": options})
    yield started
    started.stop()


@pytest.mark.cluster
def test_a_second_job_and_a_restart_load_no_connector_and_no_beam_again(
    broker: Broker, logged: FlinkCluster, wheel_python: Path, tmp_path: Path
) -> None:
    restarting, _, _ = submit_on(logged, broker, wheel_python, one(b"poison"), tmp_path)
    # it fails a second time, so it has been started again
    with pytest.raises(ClusterError, match="failed 2 times"):
        logged.rest.wait_finished(restarting, 180, max_failures=1)
    good, _, sink = submit_on(logged, broker, wheel_python, one(b"good"), tmp_path)
    logged.rest.wait_finished(good, 180)
    assert len(list(read_all(broker.bootstrap, sink))) == 1
    loaded = (tmp_path / "classes.log").read_text()
    names = [found[1] for found in FROM_JARS.finditer(loaded)]
    assert len(names) == len(set(names)) > 1000
    assert not re.findall(r"source: \S*blobStore\S*", loaded)
