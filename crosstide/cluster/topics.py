"""The topics of the pipeline, and how each is kept."""

import time
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

#: Replays carry event times of years ago or ahead: the broker's default refuses stamps an hour ahead.
_ANY_TIME = str(2**63 - 1)
#: Bytes. A dead letter of 32 KiB in base64 and an incident with its evidence fit; so does an oversized record, which
#: must reach the job to be counted.
MAX_MESSAGE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Topic:
    """A topic to create; `compact` keeps the newest value of each key instead of everything."""

    name: str
    partitions: int = 2
    compact: bool = False


# Two partitions for what grows with traffic (Flink runs two wide here); one where order over all services matters.
TOPICS: tuple[Topic, ...] = (
    Topic("model-outputs"),
    Topic("telemetry"),
    Topic("labels"),
    Topic("changes", partitions=1),
    Topic("control", partitions=1),
    Topic("model-scores"),
    Topic("infra-scores"),
    Topic("incidents"),
    Topic("incidents-current", compact=True),
    Topic("actions"),
    Topic("audit", partitions=1),
    Topic("state", compact=True),
    Topic("dead-letters"),
)


def prefixed(prefix: str) -> tuple[Topic, ...]:
    """Return the pipeline's topics with a prefix before every name."""
    return tuple(Topic(prefix + topic.name, topic.partitions, topic.compact) for topic in TOPICS)


def present(bootstrap: str) -> dict[str, int]:
    """Return the topics that are there -> their partitions."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    finally:
        admin.close()


def create_topics(bootstrap: str, topics: tuple[Topic, ...] = TOPICS) -> list[str]:
    """Create the topics that are not there yet and return their names; returns when each has its leader."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        present = set(admin.list_topics())
        wanted = {topic.name: _options(topic) for topic in topics if topic.name not in present}
        if wanted:
            admin.create_topics(wanted, timeout_ms=30_000, wait_for_metadata=True)
        return sorted(wanted)
    except TopicAlreadyExistsError:
        return []
    finally:
        admin.close()


def delete_topics(bootstrap: str, names: list[str], deadline_s: float = 30.0) -> None:
    """Delete the topics that are there, and return when they are gone. Raises TimeoutError at the deadline."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        present = sorted(set(admin.list_topics()) & set(names))
        if present:
            admin.delete_topics(present)
        until = time.monotonic() + deadline_s
        while set(admin.list_topics()) & set(present):
            if time.monotonic() > until:
                raise TimeoutError(f"topics are not gone after {deadline_s:.0f} s: {', '.join(present)}")
            time.sleep(0.2)
    finally:
        admin.close()


def _options(topic: Topic) -> dict[str, object]:
    configs: dict[str, object] = {
        "cleanup.policy": "compact" if topic.compact else "delete",
        "message.timestamp.type": "CreateTime",
        "message.timestamp.before.max.ms": _ANY_TIME,
        "message.timestamp.after.max.ms": _ANY_TIME,
        # both judge by the record's own time: an old recording would be deleted, or roll a file at every record
        "retention.ms": "-1",
        "segment.ms": _ANY_TIME,
        "max.message.bytes": str(MAX_MESSAGE),
    }
    if topic.compact:
        # nothing is compacted in a segment that is still written to, which by default grows to 1 GB
        configs |= {"segment.bytes": str(16 * 1024 * 1024), "min.cleanable.dirty.ratio": "0.1"}
    return {"num_partitions": topic.partitions, "replication_factor": 1, "configs": configs}
