"""Starts a job on a cluster: what every entry file does, with its own topics."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from jobs.artifacts import load
from jobs.environment import cluster_environment
from jobs.graph import Plan, build
from jobs.settings import load_pipeline
from jobs.sinks import write_kafka
from jobs.sources import KafkaSource
from models.artifact import Artifacts
from models.intake import TopicName

#: A live job answers soon: a batch waits at most so many milliseconds to be filled.
LIVE = {"python.fn-execution.bundle.time": "100"}


def launch(name: str, topics: Sequence[TopicName], *, correlated: bool) -> None:
    """Build the job from the command line's arguments and submit it; everything is checked before Flink starts it."""
    asked = _arguments(name)
    pipeline = load_pipeline(asked.config, asked.set, asked.topology)
    artifacts = load(asked.artifacts) if asked.artifacts else Artifacts.empty()
    table_env = cluster_environment({} if asked.bounded else LIVE)
    plan = Plan(pipeline, artifacts, topics, correlated=correlated, replay=asked.bounded)
    source = KafkaSource(asked.bootstrap, f"{asked.name}-{name}", asked.prefix, asked.bounded)
    packets = build(table_env, source, plan)
    write_kafka(table_env, packets, asked.bootstrap, asked.prefix)
    packets.get_execution_environment().execute_async(f"{asked.name}: {name}")


def _arguments(name: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"jobs/{name}.py", description=f"Submit the job {name}.")
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", help="Kafka's address (default: %(default)s)")
    parser.add_argument("--config", type=Path, help="pipeline.yaml (default: the shipped one)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key; repeatable")
    parser.add_argument("--topology", type=Path, help="topology.yaml: which entities carry which services")
    parser.add_argument("--artifacts", type=Path, help="folder that `crosstide train` wrote")
    parser.add_argument("--bounded", action="store_true", help="a replay: end at the topics' present end")
    parser.add_argument("--prefix", default="", help="stands before the name of every topic (default: none)")
    parser.add_argument("--name", default="crosstide", help="name of the job and of its consumer group")
    return parser.parse_args()
