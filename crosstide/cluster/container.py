"""The one entry point of the image: `jobmanager ENTRY ARGUMENT...`, `taskmanager`, `topics KAFKA`, `metrics ...`.

Addresses are those of the containers' own network; only ports that docker-compose.yml publishes, on the loopback, are
seen from outside. The JobManager runs one job (application mode) and begins it from the newest checkpoint in the
volume, so that a container that was killed goes on where it was.
"""

import os
import shlex
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from crosstide.cluster.checkpoints import newest
from crosstide.cluster.flink_conf import REPORTER, Ports, flink_environment, pyflink_home, write_conf

STATE = Path("/var/lib/crosstide")
HOME = Path(tempfile.gettempdir()) / "flink"
DRIVER = "org.apache.flink.client.python.PythonDriver"


def settings(host: str, jobmanager: str = "jobmanager") -> dict[str, Any]:
    """Return what differs from `flink-conf/config.yaml` in a container called `host`."""
    everywhere = "0.0.0.0"  # of the container's own network
    return {
        "jobmanager.rpc.address": jobmanager,
        "jobmanager.bind-host": everywhere,
        "rest.address": jobmanager,
        "rest.bind-address": everywhere,
        "taskmanager.host": host,
        "taskmanager.bind-host": everywhere,
        # several TaskManagers are told apart by their containers
        "taskmanager.resource-id": host,
        "execution.checkpointing.dir": (STATE / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (STATE / "savepoints").as_uri(),
        # to the container's log
        "env.stdout-err.redirect-to-file": False,
        # room for the Python process that builds the job, beside the JVM
        "jobmanager.memory.process.size": "1024m",
        **REPORTER,
        "metrics.reporter.prom.port": "9249",
    }


def command(role: str, arguments: list[str]) -> list[str]:
    """Return the command that becomes the container's process."""
    scripts = pyflink_home() / "bin"
    if role == "taskmanager":
        return ["bash", str(scripts / "taskmanager.sh"), "start-foreground"]
    entry, *given = arguments
    found = newest(STATE / "checkpoints", [path.name for path in (STATE / "checkpoints").glob("*")])
    start = os.environ.get("CROSSTIDE_FROM") if found is None else found.as_uri()
    restored = [] if not start else ["--fromSavepoint", start]
    job = Path(__file__).resolve().parent.parent.parent / "jobs" / f"{entry}.py"
    more = shlex.split(os.environ.get("CROSSTIDE_ARGUMENTS", ""))
    words = ["start-foreground", "--job-classname", DRIVER, *restored, "-py", str(job), *given, *more]
    return ["bash", str(scripts / "standalone-job.sh"), *words]


def run_flink(role: str, arguments: list[str]) -> NoReturn:
    """Write the configuration, and become Flink."""
    for folder in ("conf", "log", "pid", "tmp"):
        (HOME / folder).mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    python = Path(sys.executable)
    write_conf(HOME, Ports(8081, 6123), 2, python, settings(host))
    words = command(role, arguments)
    print("starting:", shlex.join(words), flush=True)
    os.execvpe(words[0], words, {**os.environ, **flink_environment(HOME / "conf")})


def main() -> None:
    """Do what the command line says."""
    role, *arguments = sys.argv[1:]
    if role in ("jobmanager", "taskmanager"):
        run_flink(role, arguments)
    if role == "topics":
        from crosstide.cluster.topics import create_topics

        print("created:", ", ".join(create_topics(arguments[0])) or "nothing, all were there", flush=True)
    elif role == "metrics":
        from crosstide.cluster.exporter import Job, serve

        flink, bootstrap, listen = arguments
        serve(listen, Job(flink, bootstrap, "", "crosstide", "pipeline"))
        while True:
            time.sleep(3600)
    else:
        raise SystemExit(f"'{role}' is none of jobmanager, taskmanager, topics, metrics")


if __name__ == "__main__":
    main()
