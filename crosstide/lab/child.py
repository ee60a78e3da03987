"""What every process of the lab does at its beginning and its end (the other side of `children`)."""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

_PR_SET_PDEATHSIG = 1


def settings() -> dict[str, Any]:
    """Read the settings from the command line, and make sure of ending with the recorder, however that ends."""
    spec: dict[str, Any] = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != spec["parent"]:
        sys.exit("the recorder is gone")
    return spec


def stop_event() -> threading.Event:
    """Make an event that SIGTERM sets: time to hand over and end."""
    event = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: event.set())
    return event


def announce(**facts: Any) -> None:
    """Tell the recorder that this process is ready, with facts it needs."""
    print(json.dumps(facts), flush=True)


def wait_for_go() -> float:
    """Wait for the recorder's word, and answer the time of the monotonic clock at which to begin."""
    return float(sys.stdin.readline())


def orders(handle: Callable[[dict[str, Any]], None]) -> None:
    """Pass every further word of the recorder (a JSON object a line) to `handle`, in a thread of its own."""

    def listen() -> None:
        for line in sys.stdin:
            handle(json.loads(line))

    threading.Thread(target=listen, daemon=True).start()


class Appender:
    """A file of JSON lines for many threads. Each line is one write, so what was recorded survives a kill."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self.write_all([record])

    def write_all(self, records: list[dict[str, Any]]) -> None:
        """Append records, in one write."""
        os.write(self._file, b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in records))


def short(value: float) -> float:
    """Round to four significant digits: more would only be bytes.

    >>> short(0.123456), short(123456.0)
    (0.1235, 123500.0)
    """
    return float(f"{value:.4g}")
