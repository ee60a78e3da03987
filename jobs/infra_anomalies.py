"""Telemetry in, infrastructure scores out.

Submit it with `flink run -py jobs/infra_anomalies.py --bootstrap HOST:PORT`; `--help` lists the arguments.
"""

from jobs.launch import launch

if __name__ == "__main__":
    launch("infra_anomalies", ("telemetry",), correlated=False)
