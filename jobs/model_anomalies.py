"""Model outputs in, model scores out.

Submit it with `flink run -py jobs/model_anomalies.py --bootstrap HOST:PORT`; `--help` lists the arguments.
"""

from jobs.launch import launch

if __name__ == "__main__":
    launch("model_anomalies", ("model-outputs", "labels"), correlated=False)
