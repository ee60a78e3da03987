"""Feeds one partition of a topic, at full speed or at the pace of event time. Runs in the peers' environment:

    python -m bench.speed_feed BOOTSTRAP PARTITION LOAD_JSON [--paced] [--log LOG]

Paced, event time 0 of the load is now, and LOG gets (event time, time sent) of every message as pairs of int64, ns.
"""

import argparse
import json
import time
from array import array
from pathlib import Path
from typing import Protocol

from bench.speed_clients import Client, confluent_client, kafka_python_client
from bench.speed_data import Load, Message, heartbeat, load_of, messages


class Opener(Protocol):
    """Makes a client of one topic and partition."""

    def __call__(self, bootstrap: str, topic: str, partition: int, *, paced: bool) -> Client:
        """Connect."""


def at_full_speed(client: Client, load: Load, partition: int) -> None:
    """Send everything at once."""
    for number, message in enumerate(messages(load, partition)):
        client.send(message)
        if number % 10_000 == 0:
            client.serve()
    client.send(heartbeat(load))


def paced(client: Client, load: Load, partition: int, log: Path | None) -> None:
    """Send each message when its event time has come; the heartbeat at once behind the last."""
    begun_ns = time.time_ns() - load.start_ms * 1_000_000
    sent = array("q")
    for message in messages(load, partition):
        wait_until(message, begun_ns, client)
        sent.extend((message[1], time.time_ns()))
        client.send(message)
    client.send(heartbeat(load))
    if log is not None:
        log.write_bytes(sent.tobytes())


def wait_until(message: Message, begun_ns: int, client: Client) -> None:
    """Let the clock reach a message's event time: this is the pace itself, nothing is waited for."""
    due_ns = message[1] * 1_000_000 + begun_ns
    while (left_ns := due_ns - time.time_ns()) > 0:
        client.serve()
        time.sleep(min(left_ns / 1e9, 0.001))


def opener() -> Opener:
    """Answer the fast client where it is installed; the other one does the same, ten times slower."""
    try:
        import confluent_kafka  # noqa: F401
    except ImportError:
        return kafka_python_client
    return confluent_client


def main() -> None:
    """Feed what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed_feed")
    parser.add_argument("bootstrap")
    parser.add_argument("partition", type=int)
    parser.add_argument("load", type=lambda text: load_of(json.loads(text)))
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--log", type=Path)
    asked = parser.parse_args()
    client = opener()(asked.bootstrap, asked.load.topic, asked.partition, paced=asked.paced)
    if asked.paced:
        paced(client, asked.load, asked.partition, asked.log)
    else:
        at_full_speed(client, asked.load, asked.partition)
    client.finish()


if __name__ == "__main__":
    main()
