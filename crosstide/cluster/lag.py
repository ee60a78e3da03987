"""How far a job is behind its topics: what Flink committed with its last checkpoint, against the topics' ends."""

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError


def reading(bootstrap: str, group: str) -> dict[str, tuple[int, int]]:
    """Return topic -> (records read, records not read yet), all partitions together; empty before the first checkpoint.

    Raises kafka.errors.KafkaError when the broker does not answer.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        committed = admin.list_group_offsets({group: None}).get(group, {})
    finally:
        admin.close()
    if not committed:
        return {}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, metrics_enabled=False)
    try:
        ends = consumer.end_offsets(list(committed))
    finally:
        consumer.close()
    found: dict[str, tuple[int, int]] = {}
    for part, reached in committed.items():
        read, behind = found.get(part.topic, (0, 0))
        at = max(0, reached.offset)
        found[part.topic] = (read + at, behind + max(0, ends[part] - at))
    return found


def reading_or_none(bootstrap: str, group: str) -> dict[str, tuple[int, int]] | None:
    """Return what `reading` finds, None when the broker does not answer."""
    try:
        return reading(bootstrap, group)
    except (KafkaError, OSError):
        return None
