"""A recording sent to a live job in two halves, and what came of it compared with the run over files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError

from crosstide.cluster.replay import incidents_of
from crosstide.cluster.replay_command import comparable
from crosstide.cluster.topics import TOPICS
from crosstide.kafka_io import FedRecord, feed
from jobs.feed import TOPICS as INPUTS
from jobs.feed import input_files, records_of
from models.config import Windows
from models.intake import HEARTBEAT, is_heartbeat

Halves = tuple[dict[str, list[FedRecord]], dict[str, list[FedRecord]]]


def halves(folder: Path, windows: Windows, now_ms: int) -> Halves:
    """Cut a recording in the middle of its event time; topic -> records.

    The second half ends with a heartbeat for every partition of every topic, all at one time: a live job waits for
    each, and what is rare must not hold back the windows of the others.
    """
    read: dict[str, list[FedRecord]] = {}
    for topic, path in input_files(folder).items():
        read[topic] = list(_records(path, windows, now_ms))
    times = sorted(record.timestamp_ms for records in read.values() for record in records)
    middle, end = times[len(times) // 2], times[-1] + windows.size + windows.out_of_orderness + 1
    first = {topic: [one for one in records if one.timestamp_ms < middle] for topic, records in read.items()}
    rest = {topic: [one for one in records if one.timestamp_ms >= middle] for topic, records in read.items()}
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    for name in INPUTS:
        closing = [FedRecord(None, end, HEARTBEAT, number) for number in range(partitions[name])]
        rest[name] = [*rest.get(name, []), *closing]
    return first, rest


def _records(path: Path, windows: Windows, now_ms: int) -> Iterator[FedRecord]:
    for record in records_of(path, windows, now_ms):
        if not is_heartbeat(record.value):
            key = record.key.encode() or None
            yield FedRecord(key, record.timestamp, record.value, 0 if key is None else None)


def send(bootstrap: str, half: dict[str, list[FedRecord]]) -> int:
    """Send a half, rare topics first: a change must be there before its window ends. Returns how many records."""
    return sum(feed(bootstrap, topic, half[topic]) for topic in sorted(half, key=lambda topic: len(half[topic])))


def difference(expected: list[dict[str, Any]], bootstrap: str) -> str:
    """Return '' where the topic's revisions equal the files', else the first that differ."""
    try:
        found = _plain(incidents_of(bootstrap))
    except (KafkaError, TimeoutError, LookupError) as error:
        return f"the topic cannot be read: {error}"
    wanted = _plain(expected)
    if found == wanted:
        return ""
    missing, more = [one for one in wanted if one not in found], [one for one in found if one not in wanted]
    return f"{len(found)} revisions for {len(wanted)}; missing {missing[:1]}, instead {more[:1]}"


def _plain(events: list[dict[str, Any]]) -> list[str]:
    """Leave out what says that one was a replay and the other live, with a setting that only a live job has."""
    events = json.loads(json.dumps(events))
    for event in events:
        del event["data"]["provenance"]["replay"], event["data"]["provenance"]["config_sha256"]
    return comparable(events)
