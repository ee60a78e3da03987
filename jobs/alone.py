"""One job for each name: two that share transactional ids would fence each other, and lose what the other wrote."""

import json
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

ENDED = ("FINISHED", "FAILED", "CANCELED")
# never through a proxy that the environment names: the cluster is near
_open = build_opener(ProxyHandler({})).open


class TwiceError(RuntimeError):
    """A job of this name runs already."""


def refuse_second(address: str, port: str, job_name: str) -> None:
    """Raise TwiceError where the cluster at this REST address runs a job of that name.

    A cluster that does not answer yet (application mode: its own job comes first) runs none.
    """
    running = [job["jid"] for job in _jobs(address, port) if job["name"] == job_name and job["state"] not in ENDED]
    if running:
        raise TwiceError(
            f"job {running[0]} already runs as '{job_name}', and both would write with the same transactional ids:"
            " stop it first (`crosstide stop`), or choose another --name"
        )


def _jobs(address: str, port: str) -> list[dict[str, Any]]:
    try:
        with _open(f"http://{address}:{port}/jobs/overview", timeout=5) as answer:
            jobs: list[dict[str, Any]] = json.loads(answer.read())["jobs"]
    except (URLError, OSError, ValueError, KeyError):
        return []
    return jobs
