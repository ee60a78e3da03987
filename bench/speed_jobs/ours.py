"""Our model or telemetry job without one of its parts, for the ablation; with nothing left out it is the shipped job.

flink run -py ours.py --without {nothing,accounting} -- arguments of jobs/model_anomalies.py
"""

import argparse
import sys

import jobs.graph
from jobs.keyed import lane
from jobs.launch import launch
from udfs.lanes import ACCOUNTS

TOPICS = {"model_anomalies": ("model-outputs", "labels"), "infra_anomalies": ("telemetry",)}


def main() -> None:
    """Submit the job; the arguments behind `--` are the shipped job's."""
    at = sys.argv.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", choices=("nothing", "accounting"), default="nothing")
    parser.add_argument("--job", choices=list(TOPICS), default="model_anomalies")
    asked = parser.parse_args(sys.argv[1:at])
    if asked.without == "accounting":
        # the readers still count; nobody sums and nobody writes
        setattr(jobs.graph, "account", lambda stages: lane(stages, ACCOUNTS).filter(lambda _: False))  # noqa: B010
    sys.argv[1:] = sys.argv[at + 1 :]
    launch(asked.job, TOPICS[asked.job], correlated=False)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
