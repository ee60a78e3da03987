"""Ask a running Flink cluster over its REST interface."""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from crosstide.cluster.errors import ClusterError
from jobs.alone import ENDED

# never through a proxy that the environment names: the cluster is on the loopback
_open = build_opener(ProxyHandler({})).open


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

    def running(self, name: str = "") -> list[dict[str, Any]]:
        """Return the jobs that have not ended, newest first; `name`: only those so called."""
        found = [job for job in self.jobs() if job["state"] not in ENDED and name in ("", job["name"])]
        return sorted(found, key=lambda job: -int(job["start-time"]))

    def state(self, job_id: str) -> str:
        """Return a job's state, such as RUNNING, RESTARTING, FINISHED."""
        # not the job's own page: whoever asks for that has Flink collect all metrics of all processes anew
        return str(self.get(f"/jobs/{job_id}/status")["status"])

    def job_exceptions(self, job_id: str) -> list[str]:
        """Return the stack traces of a job's failures, the newest first."""
        history = self.get(f"/jobs/{job_id}/exceptions?maxExceptions=20")["exceptionHistory"]["entries"]
        return [str(entry["stacktrace"]) for entry in history]

    def metrics(self, path: str, names: list[str], how: str = "") -> dict[str, float]:
        """Return the values of metrics below `path`; with `how` (sum, max) those of all subtasks together."""
        asked = f"{path}?get={quote(','.join(names), safe=',')}" + (f"&agg={how}" if how else "")
        answer = self.get(asked)
        return {one["id"]: float(one.get(how or "value", "nan")) for one in answer}

    def restarts(self, job_id: str, deadline_s: float = 10.0) -> int:
        """Return how often a job has restarted under this id.

        Flink fetches metrics when it is first asked, and answers nothing until then: nothing is not none. Raises
        ClusterError where it does not tell in time.
        """
        deadline = time.monotonic() + deadline_s
        while "numRestarts" not in (found := self.metrics(f"/jobs/{job_id}/metrics", ["numRestarts"])):
            if time.monotonic() > deadline:
                raise ClusterError(f"Flink at {self.url} does not tell how often job {job_id} has restarted")
            time.sleep(0.2)
        return int(found["numRestarts"])

    def metric_names(self, path: str) -> list[str]:
        """Return the names of all metrics below `path`."""
        return [str(one["id"]) for one in self.get(path)]

    def savepoint(self, job_id: str, folder: str, stop: bool, deadline_s: float = 300.0) -> str:
        """Take a savepoint below `folder`, and with `stop` end the job at it; returns the savepoint's place.

        Raises ClusterError with Flink's own reason when it cannot be taken.
        """
        if stop:
            answer = self._call("POST", f"/jobs/{job_id}/stop", {"targetDirectory": folder, "drain": False})
        else:
            answer = self._call("POST", f"/jobs/{job_id}/savepoints", {"target-directory": folder, "cancel-job": False})
        return self._finished(f"/jobs/{job_id}/savepoints/{answer['request-id']}", deadline_s)

    def wait_state(self, job_id: str, wanted: str, deadline_s: float) -> None:
        """Return when a job is in that state. Raises ClusterError when it ends otherwise, or at the deadline."""
        deadline = time.monotonic() + deadline_s
        while (state := self.state(job_id)) != wanted:
            if state in ENDED or time.monotonic() > deadline:
                raise ClusterError(f"job {job_id} is {state}, not {wanted}{_newest(self.job_exceptions(job_id))}")
            time.sleep(0.2)

    def wait_finished(self, job_id: str, deadline_s: float, max_failures: int = 2) -> None:
        """Return when a bounded job has finished.

        Raises ClusterError with the newest failure's text when it fails, is cancelled, takes longer than `deadline_s`
        seconds, or has failed more than `max_failures` times: a job that cannot work restarts for ever. In the last
        two cases it is cancelled.
        """
        deadline = time.monotonic() + deadline_s
        while (state := self.state(job_id)) not in ENDED:
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
        if self.state(job_id) not in ENDED:
            self._call("PATCH", f"/jobs/{job_id}?mode=cancel")
        while self.state(job_id) not in ENDED:
            if time.monotonic() > deadline:
                raise ClusterError(f"job {job_id} did not end within {deadline_s:.0f} s of being cancelled")
            time.sleep(0.2)

    def _finished(self, path: str, deadline_s: float) -> str:
        """Wait for an asynchronous operation, and return where its result lies."""
        deadline = time.monotonic() + deadline_s
        while (answer := self.get(path))["status"]["id"] != "COMPLETED":
            if time.monotonic() > deadline:
                raise ClusterError(f"the savepoint was not finished within {deadline_s:.0f} s")
            time.sleep(0.2)
        operation = answer["operation"]
        if "failure-cause" in operation:
            raise ClusterError(f"no savepoint{_newest([operation['failure-cause']['stack-trace']])}")
        return str(operation["location"])

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with _open(request, timeout=10) as answer:
                said = answer.read()
        except HTTPError as error:
            with error:
                why = error.read(2000).decode(errors="replace")
            raise ClusterError(f"Flink at {self.url} refused {method} {path}: {error.code} {why}") from None
        except (URLError, OSError) as error:
            raise ClusterError(f"Flink at {self.url} did not answer {method} {path}: {error}") from None
        return json.loads(said) if said else None


def _newest(failures: list[str]) -> str:
    """Return the innermost cause of the newest failure without Java's frames; of Python's trace, the end."""
    if not failures:
        return ""
    cause = failures[0].split("Caused by: ")[-1]
    words = [line for line in cause.splitlines() if line.strip() and not line.startswith("\tat ")]
    return ": " + "\n".join(words)[-1500:]
