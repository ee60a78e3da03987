"""Flink alone: counts the messages of each ten seconds, raw or with every field of the JSON parsed. Pure SQL.

flink run -py count.py --bootstrap HOST:PORT --topic T --output T2 --parse {raw,model-outputs,telemetry}
"""

import argparse

from jobs.environment import cluster_environment

ANSWER = (
    "`service` STRING, `model` STRING, `version` STRING, `timestamp` STRING, `request_id` STRING, `prediction` STRING, "
    "`confidence` DOUBLE, `latency_ms` DOUBLE, `error` STRING, `features` MAP<STRING, STRING>"
)
SAMPLE = "`timestamp` STRING, `service` STRING, `metric` STRING, `value` DOUBLE, `kind` STRING"
COLUMNS = {"raw": "`message` BYTES", "model-outputs": ANSWER, "telemetry": SAMPLE}


def main() -> None:
    """Submit the job."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parse", choices=list(COLUMNS), required=True)
    asked = parser.parse_args()
    table_env = cluster_environment({})
    as_format = "'format' = 'raw'" if asked.parse == "raw" else "'format' = 'json', 'json.ignore-parse-errors' = 'true'"
    table_env.execute_sql(
        f"""CREATE TEMPORARY TABLE messages (
            {COLUMNS[asked.parse]},
            ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
            WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
        ) WITH ('connector' = 'kafka', 'topic' = '{asked.topic}', 'properties.bootstrap.servers' = '{asked.bootstrap}',
            'properties.group.id' = 'count', 'scan.startup.mode' = 'earliest-offset',
            'scan.bounded.mode' = 'latest-offset', {as_format})"""
    )
    names = [column.split()[0] for column in _columns(COLUMNS[asked.parse])]
    # every field is counted, or Flink would not parse it
    counts = ", ".join(f"COUNT({name}) AS n{place}" for place, name in enumerate(names))
    sums = " + ".join(f"n{place}" for place in range(len(names)))
    table_env.execute_sql(
        f"""CREATE TEMPORARY TABLE counts (start_at STRING, n BIGINT, filled BIGINT) WITH ('connector' = 'kafka',
            'topic' = '{asked.output}', 'properties.bootstrap.servers' = '{asked.bootstrap}', 'format' = 'json')"""
    )
    table_env.execute_sql(
        f"""INSERT INTO counts SELECT CAST(window_start AS STRING), n, {sums} FROM (
            SELECT window_start, window_end, COUNT(*) AS n, {counts}
            FROM TABLE(TUMBLE(TABLE messages, DESCRIPTOR(ts), INTERVAL '10' SECOND))
            GROUP BY window_start, window_end)"""
    )


def _columns(text: str) -> list[str]:
    """Split at the commas that no angle bracket encloses."""
    return text.replace("MAP<STRING, STRING>", "MAP").split(", ")


if __name__ == "__main__":
    main()
