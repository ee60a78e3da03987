"""Fill in `flink-conf/config.yaml` for one run, and the environment in which Flink's scripts read it."""

import importlib.util
import shlex
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from crosstide.cluster.errors import ClusterError
from jobs.java import java_home, java_version
from jobs.shipped import shipped

_LOG_SETTINGS = ("log4j-console.properties", "log4j-cli.properties", "log4j.properties")


def pyflink_home() -> Path:
    """Return the folder of the installed pip package, which holds Flink's scripts and jars."""
    found = importlib.util.find_spec("pyflink")
    if found is None or not found.submodule_search_locations:
        raise ClusterError("apache-flink is not installed: install crosstide with its dependencies")
    return Path(found.submodule_search_locations[0])


def write_conf(home: Path, rest_port: int, rpc_port: int, slots: int, python: Path | None) -> None:
    """Write `home/conf`: our settings with ports, folders and Python filled in, and Flink's own log settings."""
    settings = _load(shipped("config.yaml"))
    settings |= {
        "rest.port": rest_port,
        "jobmanager.rpc.port": rpc_port,
        "taskmanager.numberOfTaskSlots": slots,
        "execution.checkpointing.dir": (home / "checkpoints").as_uri(),
        "io.tmp.dirs": str(home / "tmp"),
        "env.java.opts.all": _java_options(),
    }
    if python is not None:
        settings |= {"python.executable": str(python), "python.client.executable": str(python)}
    with (home / "conf" / "config.yaml").open("w") as out:
        YAML(typ="safe").dump(settings, out)
    for name in _LOG_SETTINGS:
        shutil.copy(pyflink_home() / "conf" / name, home / "conf" / name)


def flink_environment(conf: Path) -> dict[str, str]:
    """Return what Flink's scripts need in their environment, for daemons and for the client."""
    home, java = conf.parent, java_home()
    options = _java_options()
    if java_version(java) > 17:
        # what the scripts add by themselves where they choose the options
        options += " -Djava.security.manager=allow"
    return {
        "JAVA_HOME": str(java),
        "FLINK_CONF_DIR": str(conf),
        "FLINK_LOG_DIR": str(home / "log"),
        "FLINK_PID_DIR": str(home / "pid"),
        "FLINK_ENV_JAVA_OPTS": f"-XX:+IgnoreUnrecognizedVMOptions {options} -Djava.io.tmpdir={home / 'tmp'}",
        "TMPDIR": str(home / "tmp"),
    }


def _java_options() -> str:
    """Return the pip package's own --add-opens list: it fits that version of Flink."""
    options: str = _load(pyflink_home() / "conf" / "config.yaml")["env"]["java"]["opts"]["all"]
    return shlex.join(options.split())


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path)
    return loaded
