"""The whole pipeline in one job: model outputs, telemetry and changes in; scores, dead letters and incidents out.

Submit it with `flink run -py jobs/pipeline.py --bootstrap HOST:PORT`; `--help` lists the arguments.
"""

from jobs.launch import launch

if __name__ == "__main__":
    launch("pipeline", ("model-outputs", "telemetry", "labels", "changes"), correlated=True)
