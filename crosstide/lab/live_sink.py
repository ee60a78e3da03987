"""Where the records of a live lab go: to Kafka, or to the files of a folder."""

import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import orjson

from crosstide.cluster.topics import create_topics, prefixed
from crosstide.kafka_io import FedRecord, feed
from crosstide.lab import files
from crosstide.lab.files import Record
from crosstide.lab.live_desk import millis
from crosstide.lab.shop import TOPOLOGY

REACH_S = 5.0


class SinkError(RuntimeError):
    """The broker did not take what was sent."""


class Sink(Protocol):
    """Takes the records of a topic, in order of time; `close` returns when all have arrived."""

    def put(self, topic: str, records: Iterable[Record]) -> None:
        """Take records; whatever keeps them from arriving is raised here or at the next call."""

    def close(self) -> None:
        """Bring the last records to their place."""


class FolderSink:
    """Appends to `TOPIC.jsonl` in a folder, beside a topology.yaml; OccupiedError where it holds a recording."""

    def __init__(self, folder: Path) -> None:
        files.claim(folder, overwrite=False)
        (folder / "topology.yaml").write_text(TOPOLOGY)
        self._files = {topic: (folder / f"{topic}.jsonl").open("ab") for topic in files.TOPICS}

    def put(self, topic: str, records: Iterable[Record]) -> None:
        """Append the records."""
        self._files[topic].writelines(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in records)
        self._files[topic].flush()

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


class KafkaSink:
    """Sends to the topics behind `prefix` (made where missing): key = service or node, time = the record's own.

    OSError where nothing listens at `bootstrap`, SinkError for what the broker refuses, also later.
    """

    def __init__(self, bootstrap: str, prefix: str) -> None:
        host, _, port = bootstrap.partition(",")[0].rpartition(":")
        # the client itself would try for half a minute, and not say why
        socket.create_connection((host, int(port)), REACH_S).close()
        try:
            create_topics(bootstrap, prefixed(prefix))
        except Exception as refusal:
            raise SinkError(str(refusal)) from refusal
        self._bootstrap, self._prefix = bootstrap, prefix
        self._failures: list[BaseException] = []
        self._queues: dict[str, SimpleQueue[FedRecord | None]] = {topic: SimpleQueue() for topic in files.TOPICS}
        self._threads = [threading.Thread(target=self._feed, args=(topic,), daemon=True) for topic in files.TOPICS]
        for thread in self._threads:
            thread.start()

    def put(self, topic: str, records: Iterable[Record]) -> None:
        """Hand the records to the topic's producer."""
        self._check()
        for record in records:
            key = str(record.get("service") or record["node"]).encode()
            self._queues[topic].put(FedRecord(key, millis(record), orjson.dumps(record)))

    def close(self) -> None:
        """Wait until the broker has acknowledged everything."""
        for queue in self._queues.values():
            queue.put(None)
        for thread in self._threads:
            thread.join()
        self._check()

    def _feed(self, topic: str) -> None:
        try:
            feed(self._bootstrap, self._prefix + topic, iter(self._queues[topic].get, None))
        except Exception as failure:
            self._failures.append(failure)

    def _check(self) -> None:
        if self._failures:
            raise SinkError(str(self._failures[0])) from self._failures[0]
