"""Bytewax: read, parse, collect by service and window, summarise, write. One worker in each of two processes.

    python -m bytewax.run bench.speed_peers.bytewax_flow:flow -i 0 -a "127.0.0.1:P;127.0.0.1:Q"

Settings come from the environment: BENCH_BOOTSTRAP, BENCH_TOPIC, BENCH_OUTPUT. No recovery store: its best case.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing as win

from bench.speed_peers.window_stats import GRACE_MS, WINDOW_MS, answers, is_answer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Messages a poll; the default of 1 would cost it most of its speed.
BATCH = 10_000


def parsed(message: Any) -> tuple[str, tuple[datetime, dict[str, Any]]] | None:
    """Read one message; None for what is no answer."""
    try:
        body = orjson.loads(message.value)
    except orjson.JSONDecodeError:
        return None
    if not is_answer(body):
        return None
    return body["service"], (EPOCH + timedelta(milliseconds=message.timestamp[1]), body)


def summarised(key_window: tuple[str, tuple[int, list[tuple[datetime, dict[str, Any]]]]]) -> Any:
    """Summarise one window; Bytewax numbers windows from the one that starts at `align_to`."""
    service, (number, items) = key_window
    told = answers(service, number * WINDOW_MS, [body for _, body in items])
    return KafkaSinkMessage(key=service.encode(), value=orjson.dumps(told))


def build(bootstrap: str, topic: str, output: str) -> Dataflow:
    """Answer the dataflow; it ends at the topic's present end."""
    flow = Dataflow("speed")
    # without the second setting an empty poll idles for a second
    tuned = {"fetch.wait.max.ms": "20", "fetch.queue.backoff.ms": "5"}
    source = KafkaSource([bootstrap], [topic], tail=False, batch_size=BATCH, add_config=tuned)
    keyed = op.filter_map("parse", op.input("read", flow, source), parsed)
    clock = win.EventClock(
        ts_getter=lambda item: item[0],
        wait_for_system_duration=timedelta(milliseconds=GRACE_MS),
        # windows end by events and by the end of the input, never by the clock on the wall
        to_system_utc=lambda _: None,
    )
    windows = win.TumblingWindower(length=timedelta(milliseconds=WINDOW_MS), align_to=EPOCH)
    collected = win.collect_window("collect", keyed, clock, windows, ordered=False)
    op.output("write", op.map("summarise", collected.down, summarised), KafkaSink([bootstrap], output))
    return flow


flow = build(os.environ["BENCH_BOOTSTRAP"], os.environ["BENCH_TOPIC"], os.environ["BENCH_OUTPUT"])
