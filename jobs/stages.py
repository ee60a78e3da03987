"""The stages as pieces of a graph: read, score, watch the streams, correlate, account.

Names are what the web page shows. Uids are what saved state is found by: constants, with the shape of the windows
where state is cut by it (`jobs/shape.py`).
"""

from collections.abc import Iterable, Sequence

from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.udf import udf

from jobs.keyed import keyed, lane
from jobs.shape import shape_name
from jobs.sources import Source
from models.artifact import Artifacts
from models.config import Pipeline, Topology
from models.correlate import CorrelatorSettings
from models.intake import TopicName
from models.loads import KEY_LETTERS
from models.scores import Stream
from udfs.account import SumAccounts
from udfs.correlate import Correlate
from udfs.explode import Explode
from udfs.health import WatchLetters
from udfs.lanes import ACCOUNTS, EVIDENCE, LETTERS
from udfs.packets import BYTES, PACKET
from udfs.read import ReadBatch
from udfs.score_loads import ScoreLoads

STREAM_OF: dict[TopicName, Stream] = {"model-outputs": "model", "telemetry": "infra"}


def read(table_env: StreamTableEnvironment, source: Source, topic: TopicName, pipeline: Pipeline) -> DataStream:
    """Read a topic: rows of (bucket, load)."""
    name = topic.replace("-", "_")
    table_env.execute_sql(source.ddl(topic, f"{name}_raw", pipeline.windows))
    reader = udf(
        ReadBatch(topic, pipeline, source.header),
        result_type=DataTypes.BYTES(),
        func_type="pandas",
        deterministic=False,
    )
    table_env.create_temporary_function(f"read_{name}", reader)
    # Latin-1 maps every byte to a character, so reading the head harms nothing
    loads = table_env.sql_query(
        f"""SELECT TRIM(SUBSTRING(DECODE(told, 'ISO-8859-1'), 1, {KEY_LETTERS})) AS bucket, told FROM (
            SELECT read_{name}(message, ts, rowtime, CURRENT_WATERMARK(rowtime), part, pos) AS told
            FROM `{name}_raw`) WHERE told IS NOT NULL"""
    )
    return table_env.to_append_stream(loads, Types.ROW([Types.STRING(), BYTES]))


def score(loads: DataStream, stream: Stream, pipeline: Pipeline, artifacts: Artifacts) -> DataStream:
    """Score the windows of a stream, bucket by bucket."""
    scored = keyed(loads, BYTES).process(ScoreLoads(stream, pipeline, artifacts), output_type=PACKET)
    return _named(scored, f"score {stream} windows", f"-{shape_name(pipeline)}")


def take_apart(loads: DataStream, topic: TopicName, topology: Topology) -> DataStream:
    """Take the loads of a topic apart that has no windows."""
    return _named(loads.process(Explode(topology), output_type=PACKET), f"read {topic}")


def health(stages: Sequence[DataStream], pipeline: Pipeline) -> DataStream:
    """Count the dead letters of each topic by window: too many are evidence about the stream itself."""
    letters = keyed(lane(stages, LETTERS), PACKET)
    return _named(letters.process(WatchLetters(pipeline), output_type=PACKET), "watch dead letters")


def correlate(stages: Sequence[DataStream], settings: CorrelatorSettings) -> DataStream:
    """Join the evidence on each service into incidents."""
    evidence = keyed(lane(stages, EVIDENCE), PACKET)
    return _named(evidence.process(Correlate(settings), output_type=PACKET), "correlate by service")


def account(stages: Sequence[DataStream]) -> DataStream:
    """Sum where every record went, by topic and partition."""
    accounts = keyed(lane(stages, ACCOUNTS), PACKET)
    return _named(accounts.process(SumAccounts(), output_type=PACKET), "account for records")


def union(streams: Iterable[DataStream]) -> DataStream:
    """Unite streams of packets."""
    first, *others = streams
    return first.union(*others) if others else first


def _named(stream: DataStream, name: str, cut_by: str = "") -> DataStream:
    return stream.name(name).uid(name.replace(" ", "-") + cut_by)
