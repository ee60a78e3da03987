"""Sinks: where packets that leave the job go. Files for a replay, Kafka topics on a cluster."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pyflink.datastream import DataStream
from pyflink.datastream.data_stream import CloseableIterator
from pyflink.table import Schema, StreamTableEnvironment

from models.packets import Packet

#: Few and wanted at once: a replay hands them to its caller while it runs. The others go to files.
FOLLOWED = ("incidents", "state")
WRITTEN = ("model-scores", "infra-scores", "dead-letters")
TOPICS = (*WRITTEN, *FOLLOWED, "incidents-current")


def write_files(table_env: StreamTableEnvironment, packets: DataStream, folder: Path) -> None:
    """Write the packets of `WRITTEN` below `folder`, one folder a topic (`topic=NAME`)."""
    table_env.execute_sql(
        f"""CREATE TEMPORARY TABLE written (`value` BYTES, topic STRING) PARTITIONED BY (topic)
        WITH ('connector' = 'filesystem', 'path' = '{folder.as_uri()}', 'format' = 'raw')"""
    )
    names = ", ".join(f"'{name}'" for name in WRITTEN)
    _attach(table_env, packets, f"INSERT INTO written SELECT `value`, topic FROM packets WHERE topic IN ({names})")


def follow(packets: DataStream, job_name: str) -> Iterator[Packet]:
    """Run the job, and yield the packets of `FOLLOWED` as they come. Raises what the job failed with.

    Not `execute_and_collect`: in PyFlink 2.2 its chaining optimisation keeps only what the collected stream needs, and
    every other sink of the environment is gone without a word.
    """
    followed = packets.filter(_followed).map(_plain)
    collected = followed._j_data_stream.collectAsync()
    client = packets.get_execution_environment().execute_async(job_name)
    with closing(CloseableIterator(collected, followed.get_type())) as results:
        for result in results:
            yield Packet(*result)
    client.get_job_execution_result().result()


def write_kafka(table_env: StreamTableEnvironment, packets: DataStream, bootstrap: str, prefix: str) -> None:
    """Write every packet to the topic of its name behind `prefix`, with its key and event time."""
    topics = ";".join(prefix + topic for topic in TOPICS)
    table_env.execute_sql(
        f"""CREATE TEMPORARY TABLE written (`key` BYTES, `value` BYTES, topic STRING METADATA,
            event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp')
        WITH ('connector' = 'kafka', 'topic' = '{topics}', 'properties.bootstrap.servers' = '{bootstrap}',
            'key.format' = 'raw', 'key.fields' = 'key', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY',
            'sink.delivery-guarantee' = 'at-least-once')"""
    )
    _attach(
        table_env,
        packets,
        f"""INSERT INTO written SELECT ENCODE(`key`, 'UTF-8'), `value`, '{prefix}' || topic,
            TO_TIMESTAMP_LTZ(`timestamp`, 3) FROM packets""",
    )


def _attach(table_env: StreamTableEnvironment, packets: DataStream, statement: str) -> None:
    schema = (
        Schema.new_builder()
        .column("topic", "STRING")
        .column("key", "STRING")
        .column("timestamp", "BIGINT")
        .column("value", "BYTES")
        .build()
    )
    table_env.create_temporary_view("packets", packets, schema)
    statements = table_env.create_statement_set()
    statements.add_insert_sql(statement)
    statements.attach_as_datastream()


def _followed(row: Any) -> bool:
    return row[0] in FOLLOWED


def _plain(row: Any) -> tuple[str, str, int, bytes]:
    return row[0], row[1], row[2], bytes(row[3])
