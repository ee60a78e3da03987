"""Scores of both streams and changes in, incidents out.

Submit it with `flink run -py jobs/incidents.py --bootstrap HOST:PORT`; `--help` lists the arguments.
"""

from jobs.launch import launch

if __name__ == "__main__":
    launch("incidents", ("model-scores", "infra-scores", "changes"), correlated=True)
