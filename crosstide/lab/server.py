"""JSON over HTTP/1.1 on the loopback interface, a thread for each connection: the face of every service of the lab."""

import gc
import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any

from crosstide.lab.child import announce
from crosstide.lab.client import SERVICE_REST_S, CallError

Answerer = Callable[[dict[str, Any]], dict[str, Any]]


class Server(ThreadingHTTPServer):
    """Carries the answers of each path for its handlers."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, port: int, routes: Mapping[str, Answerer]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.routes = routes

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that left without waiting: their records tell."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """`POST` on a known path: a JSON object in, one out."""

    protocol_version = "HTTP/1.1"
    # one packet an answer, at once: otherwise delayed acknowledgements would add 40 ms
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = SERVICE_REST_S
    server: Server

    def do_POST(self) -> None:
        """Read a JSON object, answer with one."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self._send(200, self.server.routes[self.path](body))
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


def serve(port: int, routes: Mapping[str, Answerer], stop: Event) -> None:
    """Announce the port (0: any) and answer until told to stop."""
    server = Server(port, routes)
    gc.freeze()  # what is loaded stays; a collection would show in latencies
    threading.Thread(target=server.serve_forever, daemon=True).start()
    announce(port=server.server_address[1])
    stop.wait()
    server.shutdown()
