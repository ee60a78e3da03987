"""Feeds a folder of messages to the cluster, runs the whole pipeline on them, and answers its incidents."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstide.cluster.broker import Broker
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.processes import Say
from crosstide.cluster.submit import Submission
from crosstide.cluster.topics import TOPICS, create_topics, delete_topics, prefixed
from crosstide.cluster.wheel import site_packages
from crosstide.kafka_io import FedRecord, feed, read_all
from jobs.feed import input_files, records_of
from models.config import Windows
from models.intake import is_heartbeat
from models.packets import Account

DEADLINE_S = 600.0


@dataclass(frozen=True)
class Replay:
    """What is replayed: a folder of messages, and the job's settings. `prefix` stands before every topic's name."""

    input: Path
    windows: Windows
    now_ms: int
    artifacts: Path | None = None
    overrides: Sequence[str] = ()
    prefix: str = ""

    def arguments(self, bootstrap: str) -> list[str]:
        """Answer the arguments of the entry file."""
        arguments = ["--bootstrap", bootstrap, "--bounded", "--prefix", self.prefix, "--name", "replay"]
        if (self.input / "topology.yaml").is_file():
            arguments += ["--topology", str((self.input / "topology.yaml").resolve())]
        if self.artifacts is not None:
            arguments += ["--artifacts", str(self.artifacts.resolve())]
        for override in self.overrides:
            arguments += ["--set", override]
        return arguments


@dataclass(frozen=True)
class Replayed:
    """What the job left on its topics: revisions of incidents in order, and the account of each topic and partition."""

    job_id: str
    incidents: list[dict[str, Any]]
    accounts: dict[tuple[str, int], dict[str, Any]]
    fed: dict[str, int]


def replay(what: Replay, broker: Broker, flink: FlinkCluster, python: Path, cwd: Path, say: Say) -> Replayed:
    """Feed empty topics, run `jobs/pipeline.py` to their end from the folder `cwd`, and read what it wrote.

    Raises ClusterError when the job fails or does not end in time.
    """
    topics = prefixed(what.prefix)
    delete_topics(broker.bootstrap, [topic.name for topic in topics])
    create_topics(broker.bootstrap, topics)
    fed: dict[str, int] = {}
    for topic, path in input_files(what.input).items():
        say(f"feeding {path.name}")
        partitions = next(known.partitions for known in TOPICS if known.name == topic)
        fed[topic] = feed(broker.bootstrap, what.prefix + topic, _fed(path, what, partitions))
    say("running jobs/pipeline.py on the cluster")
    entry = site_packages(python) / "jobs" / "pipeline.py"
    job = flink.submit(Submission(entry, what.arguments(broker.bootstrap), python), cwd)
    flink.rest.wait_finished(job, DEADLINE_S)
    return Replayed(job, incidents_of(broker.bootstrap, what.prefix), accounts_of(broker.bootstrap, what.prefix), fed)


def _fed(path: Path, what: Replay, partitions: int) -> Iterator[FedRecord]:
    """Send a line to the partition of its key, one without a key to the first; close each with a heartbeat."""
    for record in records_of(path, what.windows, what.now_ms):
        if is_heartbeat(record.value):
            for partition in range(partitions):
                yield FedRecord(None, record.timestamp, record.value, partition)
        elif record.key:
            yield FedRecord(record.key.encode(), record.timestamp, record.value, None)
        else:
            yield FedRecord(None, record.timestamp, record.value, 0)


def incidents_of(bootstrap: str, prefix: str = "") -> list[dict[str, Any]]:
    """Read every revision on the topic `incidents`, in order of time, incident and revision."""
    events = [json.loads(record.value or b"") for record in read_all(bootstrap, f"{prefix}incidents")]
    return sorted(events, key=lambda event: (event["time"], event["subject"], event["sequence"]))


def accounts_of(bootstrap: str, prefix: str = "") -> dict[tuple[str, int], dict[str, Any]]:
    """Read the newest account of each topic and partition from the topic `state`."""
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    for record in read_all(bootstrap, f"{prefix}state"):
        account = json.loads(record.value or b"")
        known = newest.setdefault((account["topic"], account["partition"]), account)
        if _progress(account) >= _progress(known):
            newest[account["topic"], account["partition"]] = account
    return newest


def _progress(account: dict[str, Any]) -> int:
    """Sums only grow, so the larger one is the newer."""
    return sum(account[name] for name in Account.__struct_fields__ if name not in ("topic", "partition"))
