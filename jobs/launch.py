"""Starts a job on a cluster: what every entry file does, with its own topics."""

from collections.abc import Sequence

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from jobs.alone import refuse_second
from jobs.artifacts import load
from jobs.environment import cluster_environment
from jobs.graph import Plan, build
from jobs.launch_arguments import arguments
from jobs.launch_names import group, job_title
from jobs.settings import load_pipeline
from jobs.sinks import Delivery, write_kafka
from jobs.sources import KafkaSource
from models.artifact import Artifacts
from models.intake import TopicName

#: A live job answers soon: a batch waits at most so many milliseconds to be filled.
LIVE = {"python.fn-execution.bundle.time": "100"}
#: A replay has no latency to save, only batches to fill: every bundle has its price.
REPLAY = {"python.fn-execution.bundle.time": "1000"}
#: Where nobody says anything of checkpoints: without them exactly-once output never appears.
CHECKPOINT_MS = 10_000


def launch(name: str, topics: Sequence[TopicName], *, correlated: bool) -> None:
    """Build the job from the command line's arguments and submit it; everything is checked before Flink starts it."""
    asked = arguments(name).parse_args()
    pipeline = load_pipeline(asked.config, asked.set, asked.topology)
    artifacts = load(asked.artifacts) if asked.artifacts else Artifacts.empty()
    table_env = cluster_environment({**(REPLAY if asked.bounded else LIVE), **dict(asked.flink)})
    owner, job_name = group(asked.name, name), job_title(asked.name, name)
    _alone(table_env, job_name)
    plan = Plan(pipeline, artifacts, topics, correlated=correlated, replay=asked.bounded)
    packets = build(table_env, KafkaSource(asked.bootstrap, owner, asked.prefix, asked.bounded), plan)
    once = asked.guarantee == "exactly-once"
    delivery = Delivery(asked.bootstrap, asked.prefix, owner, once, asked.transaction_timeout * 1000)
    write_kafka(table_env, packets, delivery)
    _with_checkpoints(table_env, packets)
    packets.get_execution_environment().execute_async(job_name)


def _alone(table_env: StreamTableEnvironment, job_name: str) -> None:
    settings = table_env.get_config()
    refuse_second(settings.get("rest.address", "127.0.0.1"), settings.get("rest.port", "8081"), job_name)


def _with_checkpoints(table_env: StreamTableEnvironment, packets: DataStream) -> None:
    if not table_env.get_config().get("execution.checkpointing.interval", ""):
        packets.get_execution_environment().enable_checkpointing(CHECKPOINT_MS)
