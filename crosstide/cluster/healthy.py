"""Exit code 0 while a job is RUNNING on the Flink at this address: a container's healthcheck, which loads little."""

import json
import sys
from urllib.request import ProxyHandler, build_opener


def running(url: str) -> bool:
    """Tell whether any job is RUNNING."""
    try:
        with build_opener(ProxyHandler({})).open(f"{url}/jobs/overview", timeout=4) as answer:
            return any(job["state"] == "RUNNING" for job in json.loads(answer.read())["jobs"])
    except (OSError, ValueError, KeyError):
        return False


if __name__ == "__main__":
    sys.exit(0 if running(sys.argv[1]) else 1)
