"""The way from `crosstide lab fault` to the live lab: one JSON line each way over a Unix socket of the user's own."""

import json
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

Message = dict[str, Any]

NAME = "crosstide-lab.sock"
LONGEST_LINE = 64 * 1024
#: Who connects must have said what it wants by then.
SAY_S = 5.0
#: A fault may have to train a model before it begins.
ANSWER_S = 120.0


class NoLiveLabError(RuntimeError):
    """No live lab of this user runs on this machine."""


class AlreadyRunningError(RuntimeError):
    """A live lab of this user runs already."""


def place() -> Path:
    """Say where the socket is: in the user's runtime folder, else in a temporary folder that is the user's alone.

    PermissionError where somebody else owns that folder, or may write to it.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime) if runtime else Path(tempfile.gettempdir()) / f"crosstide-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder that only you can write to")
    return folder / NAME


def ask(order: Message) -> Message:
    """Give the live lab an order and answer what it says; NoLiveLabError where there is none."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(ANSWER_S)
        try:
            link.connect(str(place()))
            link.sendall(json.dumps(order).encode() + b"\n")
            line = link.makefile("rb").readline()
        except OSError as error:
            raise NoLiveLabError("no live lab is running here: start one with `crosstide lab live`") from error
    if not line:
        raise NoLiveLabError("the live lab ended before it answered")
    answer: Message = json.loads(line)
    return answer


class Control:
    """The lab's side. Orders wait until the main loop takes them; AlreadyRunningError where another lab listens."""

    def __init__(self) -> None:
        self._path = place()
        if _somebody_listens(self._path):
            raise AlreadyRunningError("a live lab is running here already: end it first")
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen()
        self._waiting: SimpleQueue[tuple[Message, SimpleQueue[Message]]] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def orders(self) -> Iterator[tuple[Message, Callable[[Message], None]]]:
        """Take the orders that have come, each with the way to answer it."""
        with suppress(Empty):
            while True:
                order, answer = self._waiting.get_nowait()
                yield order, answer.put

    def close(self) -> None:
        """Listen no longer."""
        self._path.unlink(missing_ok=True)
        # wakes the listening thread, which `close` alone would not
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                link, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        answer: SimpleQueue[Message] = SimpleQueue()
        with link, suppress(OSError, Empty):  # who leaves without waiting hears nothing
            link.settimeout(SAY_S)
            try:
                order = json.loads(link.makefile("rb").readline(LONGEST_LINE))
                if not isinstance(order, dict):
                    raise ValueError("not an object")
            except ValueError as error:
                link.sendall(json.dumps({"error": f"not an order: {error}"}).encode() + b"\n")
                return
            self._waiting.put((order, answer))
            link.sendall(json.dumps(answer.get(timeout=ANSWER_S)).encode() + b"\n")


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
        return True
