"""Calling a service: kept-alive connections, the last used first; those that rest too long are closed.

So the number of connections (and of the service's threads) follows what is in flight, also after a slow time.
"""

import json
import time
from collections import deque
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Any

#: Seconds that a connection may rest. The service waits longer, so it never closes one that is about to be used.
REST_S = 5.0
SERVICE_REST_S = 15.0


class CallError(RuntimeError):
    """A call had no good answer; the text is a type name for the record (`Timeout`, `ConnectionRefusedError`, ...)."""


class Client:
    """Calls one service on the loopback interface; safe for use by many threads."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[tuple[float, HTTPConnection]] = deque()
        self._lock = Lock()

    def post(self, path: str, body: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a JSON object and answer the one that comes back; CallError otherwise."""
        connection = self._connection(timeout_s)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            data = response.read()
        except TimeoutError:
            connection.close()
            raise CallError("Timeout") from None
        except (OSError, HTTPException) as error:
            connection.close()
            raise CallError(type(error).__name__) from error
        with self._lock:
            self._idle.append((time.monotonic(), connection))
        answer: dict[str, Any] = json.loads(data)
        if response.status != 200:
            raise CallError(str(answer.get("error", f"Status{response.status}")))
        return answer

    def close(self) -> None:
        """Close the resting connections."""
        with self._lock:
            while self._idle:
                self._idle.pop()[1].close()

    def _connection(self, timeout_s: float) -> HTTPConnection:
        with self._lock:
            while self._idle and time.monotonic() - self._idle[0][0] > REST_S:
                self._idle.popleft()[1].close()
            if not self._idle:
                return HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)
            connection = self._idle.pop()[1]
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        return connection
