"""Ask a running Flink cluster over its REST interface."""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from crosstide.cluster.errors import ClusterError

# never through a proxy that the environment names: the cluster is on the loopback
_open = build_opener(ProxyHandler({})).open
_ENDED = ("FINISHED", "FAILED", "CANCELED")


@dataclass(frozen=True)
class Rest:
    """A client of one cluster; every method raises ClusterError when the cluster does not answer or refuses."""

    url: str

    def get(self, path: str) -> Any:
        """Return the decoded JSON answer to GET `path`."""
        return self._call("GET", path)

    def slots(self) -> int:
        """Return how many task slots are registered; 0 while the cluster does not answer yet."""
        try:
            return int(self.get("/overview")["slots-total"])
        except ClusterError:
            return 0

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that the cluster knows: `jid`, `name`, `state`, times in milliseconds."""
        jobs: list[dict[str, Any]] = self.get("/jobs/overview")["jobs"]
        return jobs

    def state(self, job_id: str) -> str:
        """Return a job's state, such as RUNNING, RESTARTING, FINISHED."""
        return str(self.get(f"/jobs/{job_id}")["state"])

    def job_exceptions(self, job_id: str) -> list[str]:
        """Return the stack traces of a job's failures, the newest first."""
        history = self.get(f"/jobs/{job_id}/exceptions?maxExceptions=20")["exceptionHistory"]["entries"]
        return [str(entry["stacktrace"]) for entry in history]

    def wait_finished(self, job_id: str, deadline_s: float, max_failures: int = 2) -> None:
        """Return when a bounded job has finished.

        Raises ClusterError with the newest failure's text when it fails, is cancelled, takes longer than `deadline_s`
        seconds, or has failed more than `max_failures` times: a job that cannot work restarts for ever. In the last
        two cases it is cancelled.
        """
        deadline = time.monotonic() + deadline_s
        while (state := self.state(job_id)) not in _ENDED:
            failures = self.job_exceptions(job_id)
            if len(failures) > max_failures or time.monotonic() > deadline:
                self.cancel(job_id)
                why = (
                    f"failed {len(failures)} times" if len(failures) > max_failures else f"ran over {deadline_s:.0f} s"
                )
                raise ClusterError(f"job {job_id} {why} ({state}){_newest(failures)}")
            time.sleep(0.2)
        if state != "FINISHED":
            raise ClusterError(f"job {job_id} is {state}{_newest(self.job_exceptions(job_id))}")

    def cancel(self, job_id: str, deadline_s: float = 60.0) -> None:
        """Cancel a job and return when it has ended; a job that has ended already is no error."""
        deadline = time.monotonic() + deadline_s
        if self.state(job_id) not in _ENDED:
            self._call("PATCH", f"/jobs/{job_id}?mode=cancel")
        while self.state(job_id) not in _ENDED:
            if time.monotonic() > deadline:
                raise ClusterError(f"job {job_id} did not end within {deadline_s:.0f} s of being cancelled")
            time.sleep(0.2)

    def _call(self, method: str, path: str) -> Any:
        try:
            with _open(Request(self.url + path, method=method), timeout=10) as answer:
                body = answer.read()
        except (URLError, OSError) as error:
            raise ClusterError(f"Flink at {self.url} did not answer {method} {path}: {error}") from None
        return json.loads(body) if body else None


def _newest(failures: list[str]) -> str:
    """Return the innermost cause of the newest failure without Java's frames; of Python's trace, the end."""
    if not failures:
        return ""
    cause = failures[0].split("Caused by: ")[-1]
    words = [line for line in cause.splitlines() if line.strip() and not line.startswith("\tat ")]
    return ": " + "\n".join(words)[-1500:]
