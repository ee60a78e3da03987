"""Hand a PyFlink job to a running cluster with Flink's own client, `flink run -py`."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink_conf import flink_environment, pyflink_home
from crosstide.cluster.processes import MARK, clean_environment

_JOB_ID = re.compile(r"submitted with JobID ([0-9a-f]{32})")


@dataclass(frozen=True)
class Submission:
    """What is submitted. `start`: a savepoint or retained checkpoint to go on from; `parallelism` 0: the cluster's own.

    `python` becomes both the client's and the workers' interpreter, so it must be of an environment that holds our
    wheel. The entry must not wait for its job. `settings` are Flink's, for this job alone.
    """

    entry: Path
    arguments: Sequence[str]
    python: Path
    start: str | None = None
    parallelism: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    def words(self) -> list[str]:
        """Return the words of `flink run` behind the address."""
        words = [f"-D{key}={value}" for key, value in self.settings.items()]
        if self.parallelism:
            words += ["-p", str(self.parallelism)]
        if self.start is not None:
            # the claim stays with whoever made it: a second failure can then go back to the same place
            words += ["-s", self.start]
        python = str(self.python)
        return [*words, "-py", str(self.entry.resolve()), "-pyexec", python, "-pyclientexec", python, *self.arguments]


def submit(conf: Path, address: str, what: Submission, cwd: Path, deadline_s: float = 300.0) -> str:
    """Run `flink run -d` against `address` (host:port) in the folder `cwd` and return the job's id.

    Raises ClusterError with the client's own words when no job came of it.
    """
    command = ["bash", str(pyflink_home() / "bin" / "flink"), "run", "-d", "-m", address, *what.words()]
    output = _run(command, conf, cwd, deadline_s)
    found = _JOB_ID.findall(output)
    if len(found) != 1:
        raise ClusterError(f"{what.entry.name} gave {len(found)} jobs where one was expected: {reason(output)}")
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
