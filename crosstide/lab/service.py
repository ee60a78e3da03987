"""The process of one model service: HTTP/1.1 on the loopback interface, a thread for each connection."""

import gc
import json
import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import sched_setaffinity
from pathlib import Path
from typing import Any

from crosstide.lab import training
from crosstide.lab.child import announce, hand_over, settings, stop_event
from crosstide.lab.client import SERVICE_REST_S, CallError, Client
from crosstide.lab.clock import Clock
from crosstide.lab.scoring import Loaded, Service


class Server(ThreadingHTTPServer):
    """Carries the service for its handlers."""

    request_queue_size = 128

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service = service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that left without waiting: their records tell."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """`POST /predict` answers a request; `POST /admin` obeys the lab."""

    protocol_version = "HTTP/1.1"
    # one packet an answer, at once: otherwise delayed acknowledgements would add 40 ms
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = SERVICE_REST_S
    server: Server

    def do_POST(self) -> None:
        """Read a JSON object, answer with one."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service = self.server.service
        try:
            self._send(200, service.answer(body) if self.path == "/predict" else service.administer(body))
        except CallError as error:
            self._send(503, {"error": f"Upstream{error}"})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the records are the log."""


def main() -> None:
    """Serve until told to hand over."""
    spec = settings()
    sched_setaffinity(0, {spec["core"]})
    random.seed(spec["name"])
    stop = stop_event()
    service = Service(
        name=spec["name"],
        clock=Clock(spec["offset_s"]),
        loaded=Loaded(training.load(Path(spec["path"])), spec["version"]),
        upstream=Client(spec["upstream_port"]) if spec["upstream_port"] else None,
        upstream_name=spec["upstream_name"],
        upstream_timeout_s=spec["upstream_timeout_s"],
    )
    server = Server(service)
    gc.freeze()  # what is loaded stays; a collection would show in latencies
    threading.Thread(target=server.serve_forever, daemon=True).start()
    announce(port=server.server_address[1])
    stop.wait()
    server.shutdown()
    hand_over(Path(spec["records"]), service.records)
    hand_over(Path(spec["failures"]), service.failures)


if __name__ == "__main__":
    main()
