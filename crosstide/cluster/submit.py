"""Hand a PyFlink job to a running cluster with Flink's own client, `flink run -py`."""

import os
import re
import signal
import subprocess
from pathlib import Path

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink_conf import flink_environment, pyflink_home
from crosstide.cluster.processes import MARK, clean_environment

_JOB_ID = re.compile(r"submitted with JobID ([0-9a-f]{32})")


def submit(
    conf: Path,
    rest_port: int,
    entry: Path,
    args: list[str],
    jars: list[Path],
    python: Path,
    cwd: Path,
    deadline_s: float = 180.0,
) -> str:
    """Run `flink run -d -py entry args...` in the folder `cwd` and return the job's id.

    `python` becomes both the client's and the workers' interpreter, so it must be of an environment that holds our
    wheel. The entry must not wait for its job. Raises ClusterError with the client's own words when no job came of it.
    """
    command = ["bash", str(pyflink_home() / "bin" / "flink"), "run", "-d", "-m", f"127.0.0.1:{rest_port}"]
    if jars:
        # `-j` takes one jar and uploads it; the others must lie where every process can read them, as here they do
        command += ["-j", str(jars[0].resolve())]
        command += [word for jar in jars[1:] for word in ("-C", jar.resolve().as_uri())]
    command += ["-py", str(entry.resolve()), "-pyexec", str(python), "-pyclientexec", str(python), *args]
    output = _run(command, conf, cwd, deadline_s)
    found = _JOB_ID.findall(output)
    if len(found) != 1:
        raise ClusterError(f"{entry.name} gave {len(found)} jobs where one was expected: {reason(output)}")
    return str(found[0])


def reason(output: str) -> str:
    """Return the part of the client's output that says what went wrong: Python's traceback, else the last cause."""
    trace = output.rfind("Traceback (most recent call last)")
    if trace >= 0:
        # Java's own trace of the client follows Python's and says nothing more
        return output[trace:].split("org.apache.flink.client.program.ProgramAbortException")[0].strip()[-3000:]
    causes = output.split("Caused by: ")
    return causes[-1].strip()[:2000] or "the client said nothing"


def _run(command: list[str], conf: Path, cwd: Path, deadline_s: float) -> str:
    """Run the client in a session of its own: Java starts Python, and at the deadline both must go."""
    environment = {**clean_environment(), **flink_environment(conf), "JVM_ARGS": "-Xmx512m"}
    environment[MARK] = str(conf.parent.parent)
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as client:
        try:
            output, _ = client.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            os.killpg(client.pid, signal.SIGKILL)
            raise ClusterError(f"`flink run` did not submit within {deadline_s:.0f} s") from None
    if client.returncode != 0:
        raise ClusterError(f"`flink run` failed: {reason(output)}")
    return output
