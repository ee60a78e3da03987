"""Print incidents as they are committed."""

import json
from pathlib import Path

from kafka import KafkaConsumer
from rich.console import Console

from crosstide.cluster.state import running_state
from crosstide.kafka_io import RECONNECT_MS


def follow(run_dir: Path, prefix: str, out: Console) -> None:
    """Print a line for each new revision, for ever; what is there already comes first."""
    consumer = KafkaConsumer(
        f"{prefix}incidents",
        bootstrap_servers=running_state(run_dir).broker.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        reconnect_backoff_max_ms=RECONNECT_MS,
        metrics_enabled=False,
    )
    try:
        for record in consumer:
            event = json.loads(record.value)
            kind = event["type"].split(".")[-2]
            line = f"{event['time'][11:19]} {kind:<9} {event['data']['severity']:<8} {event['data']['title']}"
            out.print(line, soft_wrap=True, markup=False)
    finally:
        consumer.close()
