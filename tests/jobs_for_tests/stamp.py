"""stamp.py BOOTSTRAP SOURCE SINK: copy a topic to another through a vectorised Python function that says where it ran.

An entry file for `flink run -py`. It may only import what the wheel brings; its own function travels by value.
"""

import json
import sys

import pandas as pd
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udf

COLUMNS = """k BYTES, v BYTES, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"""
POSITION = """, part INT METADATA FROM 'partition' VIRTUAL, off BIGINT METADATA FROM 'offset' VIRTUAL,
    WATERMARK FOR ts AS ts - INTERVAL '1' SECOND"""
READING = """, 'properties.group.id' = 'stamp', 'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset', 'scan.watermark.emit.strategy' = 'on-event'"""


def stamp(value: pd.Series, part: pd.Series, off: pd.Series, watermark: pd.Series) -> pd.Series:
    """Return JSON bytes: the value, its position, the watermark it met (ms or null), and whose code ran."""
    import models

    if b"poison" in set(value):
        raise ValueError("a poisoned value")
    where = {"models": models.__file__, "python": sys.executable, "rows": len(value)}
    rows = zip(value, part, off, watermark, strict=True)
    return pd.Series(
        json.dumps(
            {"value": v.decode(), "at": [int(p), int(o)], "wm": None if pd.isna(w) else int(w), **where}
        ).encode()
        for v, p, o, w in rows
    )


def table(name: str, topic: str, bootstrap: str, columns: str, more: str = "") -> str:
    """Return the DDL of a Kafka table with raw key `k` and raw value `v`."""
    return f"""CREATE TABLE {name} ({COLUMNS}{columns}) WITH ('connector' = 'kafka', 'topic' = '{topic}',
        'properties.bootstrap.servers' = '{bootstrap}', 'key.format' = 'raw', 'key.fields' = 'k',
        'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY'{more})"""


def main(bootstrap: str, source: str, sink: str) -> None:
    """Build the job and submit it; does not wait for it."""
    if source == "none":
        raise ValueError("no source was named")
    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    env.create_temporary_function("stamp", udf(stamp, result_type=DataTypes.BYTES(), func_type="pandas"))
    env.execute_sql(table("source", source, bootstrap, POSITION, READING))
    env.execute_sql(table("sink", sink, bootstrap, ""))
    late = "CAST(CURRENT_WATERMARK(ts) AS STRING)"
    millis = f"CASE WHEN {late} IS NULL THEN CAST(NULL AS BIGINT) ELSE UNIX_TIMESTAMP({late}) * 1000 END"
    env.execute_sql(f"INSERT INTO sink SELECT k, stamp(v, part, off, {millis}), ts FROM source")


if __name__ == "__main__":
    main(*sys.argv[1:])
