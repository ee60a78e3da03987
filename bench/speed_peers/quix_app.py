"""Quix Streams: the same work; two processes of one consumer group share the partitions, state as it comes by default.

    python -m bench.speed_peers.quix_app BOOTSTRAP TOPIC OUTPUT GROUP STATE_DIR

Ends when no message has come for a while: which partitions are its own is for the group to say.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any

from quixstreams import Application

from bench.speed_peers.window_stats import GRACE_MS, WINDOW_MS, answers, is_answer

IDLE_S = 6.0


class Clock:
    """When the last message was processed."""

    def __init__(self) -> None:
        self._last: float | None = None

    def seen(self, _topic: str, _partition: int, _offset: int) -> None:
        """Note a message."""
        self._last = time.monotonic()

    def stop_when_idle(self, app: Application) -> None:
        """Stop the application once messages have come and no more do."""
        while self._last is None or time.monotonic() - self._last < IDLE_S:
            time.sleep(0.5)
        app.stop()


def main(bootstrap: str, topic: str, output: str, group: str, state_dir: str) -> None:
    """Run until there is nothing more to read."""
    clock = Clock()
    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_interval=10.0,
        state_dir=Path(state_dir),
        on_message_processed=clock.seen,
        consumer_extra_config={"fetch.wait.max.ms": 20, "fetch.queue.backoff.ms": 5},
        loglevel="WARNING",
    )
    source = app.topic(topic, key_deserializer="string", value_deserializer="json")
    target = app.topic(output, key_serializer="string", value_serializer="json")
    # any message of a partition ends the windows of all its keys, as a watermark does; so does the heartbeat,
    # which therefore may only be dropped behind the windows
    windows = app.dataframe(source).tumbling_window(WINDOW_MS, grace_ms=GRACE_MS)
    closed = windows.collect().final(closing_strategy="partition")
    closed.filter(lambda window: is_answer(window["value"][0])).apply(_summary).to_topic(target)
    threading.Thread(target=clock.stop_when_idle, args=(app,), daemon=True).start()
    app.run()


def _summary(window: dict[str, Any]) -> dict[str, Any]:
    bodies = window["value"]
    return answers(bodies[0]["service"], window["start"], bodies)


if __name__ == "__main__":
    main(*sys.argv[1:])
