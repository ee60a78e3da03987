"""A memory leak that can be turned on: bytes are kept at a rate, touched so that they are really there."""

import threading

STEP_S = 0.1


class Leak:
    """Off until told; turning it off frees what was leaked."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._stop = threading.Event()
        self._stop.set()

    def at(self, bytes_per_s: float) -> None:
        """Leak at this rate from now on; 0 stops and frees."""
        self._stop.set()
        self._kept.clear()
        if bytes_per_s > 0:
            self._stop = threading.Event()
            threading.Thread(target=self._run, args=(bytes_per_s, self._stop), daemon=True).start()

    def _run(self, bytes_per_s: float, stop: threading.Event) -> None:
        while not stop.wait(STEP_S):
            self._kept.append(b"\x01" * int(bytes_per_s * STEP_S))
