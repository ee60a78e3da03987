"""The jars that pip does not bring: fetched once by Maven from `flink-conf/pom.xml`, then used from the cache."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.places import cache
from jobs.java import java_home
from jobs.shipped import shipped

CONNECTOR = "flink-sql-connector-kafka-5.0.0-2.2.jar"
CONNECTOR_SHA256 = "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616"
BROKER = "kafka_2.13-4.1.1.jar"
_FETCH_SECONDS = 300


def connector_jar() -> Path:
    """Return the Kafka connector for Flink; raises ClusterError when it cannot be had or is not the known file."""
    jar = cache() / "jars" / "connector" / CONNECTOR
    if not jar.is_file():
        _fetch("connector", jar)
    found = hashlib.sha256(jar.read_bytes()).hexdigest()
    if found != CONNECTOR_SHA256:
        raise ClusterError(f"{jar} is not the expected file (sha256 {found}): delete it and run again")
    return jar


def broker_jars() -> Path:
    """Return the folder that holds a whole Kafka broker; raises ClusterError when it cannot be had."""
    folder = cache() / "jars" / "broker"
    if not (folder / BROKER).is_file():
        _fetch("broker", folder / BROKER)
    return folder


def _fetch(profile: str, wanted: Path) -> None:
    """Copy a profile's jars beside `wanted`, all or nothing: an interrupted copy is never taken for a whole one."""
    maven = shutil.which("mvn")
    if maven is None:
        raise ClusterError(f"Maven is missing: install maven, or put the {profile} jars at {wanted.parent}")
    partial = wanted.parent.with_name(f"{profile}.{os.getpid()}.partial")
    command = [maven, "-q", "-B", "-f", str(shipped("pom.xml")), "-P", profile]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
    environment = {**os.environ, "JAVA_HOME": str(java_home())}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_FETCH_SECONDS)
        if done.returncode != 0 or not (partial / wanted.name).is_file():
            raise ClusterError(f"Maven could not fetch the {profile} jars: {_first_error(done.stdout + done.stderr)}")
        shutil.rmtree(wanted.parent, ignore_errors=True)
        partial.rename(wanted.parent)
    except subprocess.TimeoutExpired:
        raise ClusterError(f"Maven did not fetch the {profile} jars within {_FETCH_SECONDS} s: try again") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _first_error(output: str) -> str:
    errors = [line for line in output.splitlines() if "ERROR" in line]
    return errors[0] if errors else "it said nothing"
