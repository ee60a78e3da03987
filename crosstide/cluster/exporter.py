"""Serves `/metrics`: asked, it looks at the job and answers what it found; at most once a second."""

import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

from kafka.errors import KafkaError

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.exposition import Sample, exposition, samples
from crosstide.cluster.health import look
from crosstide.cluster.kept import kept_jobs
from crosstide.cluster.ledger import Ledger
from crosstide.cluster.rest import Rest
from crosstide.cluster.state import read_state
from jobs.launch_names import group

FRESH_S = 1.0


class Measured(Protocol):
    """Something to be measured."""

    def samples(self) -> Iterator[Sample]:
        """Look, and answer what was found."""


class Job:
    """A job on a cluster, wherever that runs; `title` is its name as Flink shows it."""

    def __init__(self, flink: str, bootstrap: str, prefix: str, name: str, entry: str) -> None:
        self._rest, self._bootstrap, self._prefix = Rest(flink), bootstrap, prefix
        self._title, self._group = f"{name}: {entry}", group(name, entry)
        self._ledger: Ledger | None = None

    def samples(self) -> Iterator[Sample]:
        """Look at it; what does not answer is said in `crosstide_scrape_failed`."""
        try:
            if self._ledger is None:
                self._ledger = Ledger(self._bootstrap, self._prefix)
            running = self._rest.running(self._title)
            if not running:
                yield Sample("crosstide_up", 0)
                return
            health = look(self._rest, running[0]["jid"], self._bootstrap, self._group, self._ledger)
        except (ClusterError, KafkaError, LookupError, OSError):
            yield Sample("crosstide_up", 0)
            yield Sample("crosstide_scrape_failed", 1)
            return
        yield Sample("crosstide_scrape_failed", 0)
        yield from samples(health)


class Watched:
    """A local cluster with its watcher: its processes, and the first of its kept jobs."""

    def __init__(self, run_dir: Path, counts: Mapping[str, int]) -> None:
        self._run_dir, self._counts = run_dir, counts
        self._job: tuple[str, Job] | None = None

    def samples(self) -> Iterator[Sample]:
        """Look at processes and job."""
        state = read_state(self._run_dir)
        if state is None:
            return
        for name, alive in state.alive().items():
            yield Sample("crosstide_process_up", float(alive), {"name": name})
        for name, count in self._counts.items():
            yield Sample("crosstide_process_starts_total", count, {"name": name})
        wanted = [kept for kept in kept_jobs(self._run_dir) if kept.wanted]
        if not wanted:
            return
        kept = wanted[0]
        if self._job is None or self._job[0] != kept.name:
            job = Job(state.flink.url, kept.bootstrap, kept.prefix, kept.name, kept.entry)
            self._job = (kept.name, job)
        yield from self._job[1].samples()


def serve(address: str, measured: Measured) -> ThreadingHTTPServer:
    """Serve `/metrics` at host:port from a thread of its own; returns the server, for `shutdown`. Raises OSError."""
    host, _, port = address.rpartition(":")
    page = _Page(measured)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in ("/metrics", "/healthz")
            body = (page.text() if self.path == "/metrics" else "ok\n" if known else "not here\n").encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    server = ThreadingHTTPServer((host, int(port)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
    return server


class _Page:
    """The newest answer, made anew when it is too old; one look at a time, for a Kafka consumer is not shared."""

    def __init__(self, measured: Measured) -> None:
        self._measured, self._lock = measured, threading.Lock()
        self._made_at, self._text = float("-inf"), ""

    def text(self) -> str:
        with self._lock:
            if time.monotonic() - self._made_at > FRESH_S:
                self._text = exposition(self._measured.samples())
                self._made_at = time.monotonic()
            return self._text
