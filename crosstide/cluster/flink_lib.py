"""The jars that every process of a cluster loads once, at its start: a folder of links that Flink takes for its lib."""

import shutil
from pathlib import Path

from crosstide.cluster.flink_conf import pyflink_home
from crosstide.cluster.jars import connector_jar


def link_jars(home: Path) -> None:
    """Fill `home/lib` with links to Flink's own jars, to flink-python and to the Kafka connector.

    Flink's client brings flink-python with every job, and `-j` would bring the connector: both would be loaded anew by
    each submission and each restart, and all code of Kafka, Beam and gRPC that the JVM had compiled would be cold
    again. From lib they are loaded once (`classloader.parent-first-patterns.additional` in config.yaml). Raises
    ClusterError where the connector cannot be had.
    """
    own = pyflink_home()
    lib = home / "lib"
    shutil.rmtree(lib, ignore_errors=True)
    lib.mkdir(parents=True)
    for jar in (*own.glob("lib/*.jar"), *own.glob("opt/flink-python-*.jar"), connector_jar()):
        (lib / jar.name).symlink_to(jar)
