"""Fill in `flink-conf/config.yaml` for one run, and the environment in which Flink's scripts read it."""

import importlib.util
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from crosstide.cluster.errors import ClusterError
from jobs.java import java_home, java_version
from jobs.shipped import shipped

_LOG_SETTINGS = ("log4j-console.properties", "log4j-cli.properties", "log4j.properties")
#: Flink's own reporter has no setting for an address: it listens on every interface, so nothing turns it on by itself.
REPORTER = {
    "metrics.reporters": "prom",
    "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
}


@dataclass(frozen=True)
class Ports:
    """Where a cluster listens. `metrics`: a port each for JobManager and TaskManager, (0, 0) for no reporter."""

    rest: int
    rpc: int
    metrics: tuple[int, int] = (0, 0)


def pyflink_home() -> Path:
    """Return the folder of the installed pip package, which holds Flink's scripts and jars."""
    found = importlib.util.find_spec("pyflink")
    if found is None or not found.submodule_search_locations:
        raise ClusterError("apache-flink is not installed: install crosstide with its dependencies")
    return Path(found.submodule_search_locations[0])


def write_conf(home: Path, ports: Ports, slots: int, python: Path | None, more: dict[str, Any] | None = None) -> None:
    """Write `home/conf`: our settings with ports, folders and Python filled in, and Flink's own log settings.

    `more` overrides any of them.
    """
    settings = _load(shipped("config.yaml"))
    settings |= {
        "rest.port": ports.rest,
        "web.access-control-allow-origin": f"http://127.0.0.1:{ports.rest}",
        "jobmanager.rpc.port": ports.rpc,
        "taskmanager.numberOfTaskSlots": slots,
        "execution.checkpointing.dir": (home / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (home / "savepoints").as_uri(),
        "io.tmp.dirs": str(home / "tmp"),
        "env.java.opts.all": java_options(),
    }
    if python is not None:
        settings |= {"python.executable": str(python), "python.client.executable": str(python)}
    if any(ports.metrics):
        low, high = min(ports.metrics), max(ports.metrics)
        settings |= {**REPORTER, "metrics.reporter.prom.port": f"{low},{high}"}
    settings |= more or {}
    with (home / "conf" / "config.yaml").open("w") as out:
        YAML(typ="safe").dump(settings, out)
    for name in _LOG_SETTINGS:
        shutil.copy(pyflink_home() / "conf" / name, home / "conf" / name)


def flink_environment(conf: Path) -> dict[str, str]:
    """Return what Flink's scripts need in their environment, for daemons and for the client."""
    home, java = conf.parent, java_home()
    own, linked = pyflink_home() / "lib", home / "lib"
    options = java_options()
    if java_version(java) > 17:
        # what the scripts add by themselves where they choose the options
        options += " -Djava.security.manager=allow"
    return {
        "JAVA_HOME": str(java),
        "FLINK_CONF_DIR": str(conf),
        # an image holds all jars in the package's own folder (flink-conf/Dockerfile)
        "FLINK_LIB_DIR": str(linked if linked.is_dir() else own),
        "FLINK_LOG_DIR": str(home / "log"),
        "FLINK_PID_DIR": str(home / "pid"),
        "FLINK_ENV_JAVA_OPTS": f"-XX:+IgnoreUnrecognizedVMOptions {options} -Djava.io.tmpdir={home / 'tmp'}",
        "TMPDIR": str(home / "tmp"),
    }


def java_options() -> str:
    """Return the pip package's own --add-opens list: it fits that version of Flink."""
    options: str = _load(pyflink_home() / "conf" / "config.yaml")["env"]["java"]["opts"]["all"]
    return shlex.join(options.split())


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path)
    return loaded
