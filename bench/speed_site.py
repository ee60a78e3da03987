"""Where the bench runs: one broker that stays, a Flink cluster that is new for every variant, the peers' Python."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from bench.speed_data import PARTITIONS, Load
from bench.speed_env import ROOT, Peers, peer_environment
from crosstide.cluster import broker, flink
from crosstide.cluster.broker import Broker
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.topics import TOPICS, Topic, create_topics, delete_topics
from crosstide.cluster.wheel import cluster_python

FEED_DEADLINE_S = 1800
#: The same for all that runs on Flink; ours ships with 2 s, which is latency and not speed.
SETTINGS = {"execution.checkpointing.interval": "10 s"}


@dataclass(frozen=True)
class Site:
    """A running broker, the interpreter of the cluster (it holds our wheel) and that of the peers."""

    run_dir: Path
    broker: Broker
    python: Path
    peers: Peers

    @property
    def bootstrap(self) -> str:
        """Return the broker's address."""
        return self.broker.bootstrap

    @contextmanager
    def cluster(self, slots: int = 2) -> Iterator[FlinkCluster]:
        """Start a Flink cluster with a cold JVM, and stop it at the end."""
        shutil.rmtree(self.run_dir / "flink", ignore_errors=True)
        cluster = flink.start(self.run_dir, slots, self.python, settings=SETTINGS)
        try:
            yield cluster
        finally:
            cluster.stop()

    def feed(self, load: Load) -> None:
        """Fill the topic of a load, unless it holds all of it already."""
        create_topics(self.bootstrap, (Topic(load.topic, PARTITIONS),))
        held = count_records(self.bootstrap, [load.topic])
        if held == load.count + PARTITIONS:
            return
        if held:
            delete_topics(self.bootstrap, [load.topic])
            create_topics(self.bootstrap, (Topic(load.topic, PARTITIONS),))
        feeders = [self.feeder(load, partition) for partition in range(PARTITIONS)]
        for feeder in feeders:
            if feeder.wait(FEED_DEADLINE_S):
                raise RuntimeError(f"feeding {load.topic} ended with code {feeder.returncode}")

    def feeder(self, load: Load, partition: int, *more: str) -> "subprocess.Popen[bytes]":
        """Start a process that feeds one partition; without the peers' fast client, with our own slow one."""
        python = Path(sys.executable) if "feeding" in self.peers.missing else self.peers.python
        command = [python, "-m", "bench.speed_feed", self.bootstrap, str(partition), json.dumps(load.as_dict())]
        return subprocess.Popen([*map(str, command), *more], cwd=ROOT, env=peer_environment())

    def empty_outputs(self, load: Load) -> list[str]:
        """Make the pipeline's topics behind a load's prefix anew, but those that were fed; answer their names."""
        topics = tuple(
            Topic(load.prefix + known.name, known.partitions, known.compact)
            for known in TOPICS
            if known.name not in ("model-outputs", "telemetry")
        )
        delete_topics(self.bootstrap, [topic.name for topic in topics])
        create_topics(self.bootstrap, topics)
        # a job reads topics that a load of the other kind does not fill: they must be there, and empty
        create_topics(self.bootstrap, tuple(Topic(load.prefix + name) for name in ("model-outputs", "telemetry")))
        return [topic.name for topic in topics]

    def drop(self, beginning: str) -> None:
        """Delete the topics whose names begin so: a peer leaves its own behind."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            names = [name for name in admin.list_topics() if name.startswith(beginning)]
        finally:
            admin.close()
        delete_topics(self.bootstrap, names)

    def count(self, topics: Sequence[str]) -> int:
        """Count what lies in topics."""
        return count_records(self.bootstrap, topics)


@contextmanager
def site(run_dir: Path, peers: Peers) -> Iterator[Site]:
    """Start the broker and build the cluster's Python; the messages in `run_dir` stay for the next time."""
    run_dir.mkdir(parents=True, exist_ok=True)
    python = cluster_python(run_dir)
    kafka = broker.start(run_dir, heap_mb=1024)
    try:
        yield Site(run_dir.resolve(), kafka, python, peers)
    finally:
        kafka.stop()


def count_records(bootstrap: str, topics: Sequence[str]) -> int:
    """Count what lies in topics; transaction markers count too."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, metrics_enabled=False)
    try:
        return sum(consumer.end_offsets(partitions_of(consumer, topics)).values())
    finally:
        consumer.close()


def partitions_of(consumer: KafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """Name the partitions of topics."""
    numbers = {topic: sorted(consumer.partitions_for_topic(topic) or ()) for topic in topics}
    return [TopicPartition(topic, number) for topic, found in numbers.items() for number in found]
