"""The stages as pieces of a graph: read, score, correlate, account. Names and uids are what the web UI shows."""

from collections.abc import Iterable
from typing import Any

from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.udf import udf

from jobs.sources import Source
from models.artifact import Artifacts
from models.config import Pipeline
from models.correlate import CorrelatorSettings
from models.intake import TopicName
from models.packets import INTERNAL
from models.scores import Stream
from udfs.account import SumAccounts
from udfs.correlate import Correlate
from udfs.explode import Explode
from udfs.packets import PACKET
from udfs.read import ReadBatch
from udfs.score import ScoreWindows

STREAM_OF: dict[TopicName, Stream] = {"model-outputs": "model", "telemetry": "infra"}


def read(table_env: StreamTableEnvironment, source: Source, topic: TopicName, pipeline: Pipeline) -> DataStream:
    """Read a topic: packets of panes, dead letters, changes and accounts."""
    name = topic.replace("-", "_")
    table_env.execute_sql(source.ddl(topic, f"{name}_raw", pipeline.windows))
    reader = udf(
        ReadBatch(topic, pipeline, source.header),
        result_type=DataTypes.BYTES(),
        func_type="pandas",
        deterministic=False,
    )
    table_env.create_temporary_function(f"read_{name}", reader)
    batches = table_env.sql_query(
        f"""SELECT packets, rowtime FROM (
            SELECT read_{name}(message, ts, rowtime, CURRENT_WATERMARK(rowtime), part, pos) AS packets, rowtime
            FROM `{name}_raw`) WHERE packets IS NOT NULL"""
    )
    exploded = table_env.to_data_stream(batches).flat_map(Explode(pipeline.topology), output_type=PACKET)
    return _named(exploded, f"read {topic}")


def score(packets: DataStream, stream: Stream, pipeline: Pipeline, artifacts: Artifacts) -> DataStream:
    """Score the windows of a stream, bucket by bucket."""
    panes = packets.filter(_is("pane")).key_by(_key, key_type=Types.STRING())
    scored = panes.process(ScoreWindows(stream, pipeline, artifacts), output_type=PACKET)
    return _named(scored, f"score {stream} windows")


def correlate(packets: DataStream, settings: CorrelatorSettings) -> DataStream:
    """Join the evidence on each service into incidents."""
    evidence = packets.filter(_is("evidence", "change-note")).key_by(_key, key_type=Types.STRING())
    return _named(evidence.process(Correlate(settings), output_type=PACKET), "correlate by service")


def account(packets: DataStream) -> DataStream:
    """Sum where every record went, by topic and partition."""
    accounts = packets.filter(_is("account")).key_by(_key, key_type=Types.STRING())
    return _named(accounts.process(SumAccounts(), output_type=PACKET), "account for records")


def outputs(packets: DataStream) -> DataStream:
    """Keep what leaves the job."""
    return packets.filter(_is_output)


def union(streams: Iterable[DataStream]) -> DataStream:
    """Unite streams of packets."""
    first, *others = streams
    return first.union(*others) if others else first


def _named(stream: DataStream, name: str) -> DataStream:
    return stream.name(name).uid(name.replace(" ", "-"))


def _key(row: Any) -> str:
    return str(row[1])


def _is(*topics: str) -> Any:
    return lambda row: row[0] in topics


def _is_output(row: Any) -> bool:
    return row[0] not in INTERNAL
