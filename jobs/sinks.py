"""Sinks: where packets that leave the job go. Files for a replay, Kafka topics on a cluster."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
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
#: Bytes. Kafka's own default of 1 MiB would fail the job at a record that the topics take (see `models/smaller.py`).
MAX_REQUEST = 4 * 1024 * 1024
#: Milliseconds. So long a send or a commit waits for a broker that is away; Kafka's own are two minutes and one.
#: A commit that ran out of time restarts the job: the connector cannot try it again ("Transaction was not started").
PATIENCE_MS = 300_000


@dataclass(frozen=True)
class Delivery:
    """How packets reach Kafka: `prefix` stands before topics, `owner` (one for each running job) before transactions.

    `timeout_ms`: after so long the broker gives a transaction up. It must outlast a checkpoint and a restart together:
    a transaction that was given up between the checkpoint and its commit is lost. Its maximum is the broker's
    `transaction.max.timeout.ms`, 15 minutes unless set otherwise; the connector's own default of one hour is refused.
    """

    bootstrap: str
    prefix: str
    owner: str
    exactly_once: bool = True
    timeout_ms: int = 900_000

    def transactions(self, topic: str) -> str:
        """Answer the prefix of a sink's transactional ids.

        None may begin with another: a restarted sink aborts what it left open by the beginning of the name.
        """
        return f"{self.owner}/{topic}/sink"


def write_files(table_env: StreamTableEnvironment, packets: DataStream, folder: Path) -> None:
    """Write the packets of `WRITTEN` below `folder`, one folder a topic (`topic=NAME`)."""
    table_env.execute_sql(
        f"""CREATE TEMPORARY TABLE written (`value` BYTES, topic STRING) PARTITIONED BY (topic)
        WITH ('connector' = 'filesystem', 'path' = '{folder.as_uri()}', 'format' = 'raw')"""
    )
    names = ", ".join(f"'{name}'" for name in WRITTEN)
    _attach(table_env, packets, [f"INSERT INTO written SELECT `value`, topic FROM packets WHERE topic IN ({names})"])


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


def write_kafka(table_env: StreamTableEnvironment, packets: DataStream, delivery: Delivery) -> None:
    """Write every packet to the topic of its name, with its key and event time; a sink of its own for each topic."""
    for topic in TOPICS:
        table_env.execute_sql(_kafka_ddl(topic, delivery))
    _attach(table_env, packets, [_insert(topic) for topic in TOPICS])


def _kafka_ddl(topic: str, delivery: Delivery) -> str:
    # pooled names: a new name for each checkpoint would cost the broker seven days of memory each
    exactly = f"""'sink.delivery-guarantee' = 'exactly-once',
            'sink.transactional-id-prefix' = '{delivery.transactions(topic)}',
            'sink.transaction-naming-strategy' = 'POOLING',
            'properties.transaction.timeout.ms' = '{delivery.timeout_ms}'"""
    guarantee = exactly if delivery.exactly_once else "'sink.delivery-guarantee' = 'at-least-once'"
    return f"""CREATE TEMPORARY TABLE `{_table(topic)}` (`key` BYTES, `value` BYTES,
            event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp')
        WITH ('connector' = 'kafka', 'topic' = '{delivery.prefix}{topic}',
            'properties.bootstrap.servers' = '{delivery.bootstrap}', 'properties.max.request.size' = '{MAX_REQUEST}',
            'properties.max.block.ms' = '{PATIENCE_MS}', 'properties.delivery.timeout.ms' = '{PATIENCE_MS}',
            'key.format' = 'raw', 'key.fields' = 'key', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY',
            {guarantee})"""


def _insert(topic: str) -> str:
    return f"""INSERT INTO `{_table(topic)}` SELECT ENCODE(`key`, 'UTF-8'), `value`, TO_TIMESTAMP_LTZ(`timestamp`, 3)
        FROM packets WHERE topic = '{topic}'"""


def _table(topic: str) -> str:
    return f"to_{topic.replace('-', '_')}"


def _attach(table_env: StreamTableEnvironment, packets: DataStream, inserts: Sequence[str]) -> None:
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
    for insert in inserts:
        statements.add_insert_sql(insert)
    statements.attach_as_datastream()


def _followed(row: Any) -> bool:
    return row[0] in FOLLOWED


def _plain(row: Any) -> tuple[str, str, int, bytes]:
    return row[0], row[1], row[2], bytes(row[3])
