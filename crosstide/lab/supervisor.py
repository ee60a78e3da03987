"""What a service manager does: a service that died is started again, and the restart is written down."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from crosstide.lab.children import ChildFailedError
from crosstide.lab.scene import Scene

LOOK_S = 0.1
#: Pause between a death and the new start, as service managers make it.
PAUSE_S = 1.0


class Supervisor:
    """Watches the services of a scene in a thread, from `start` to the end of the block that it is entered for.

    `died` and `restarted` are called with the name of a service.
    """

    def __init__(self, scene: Scene, died: Callable[[str], None], restarted: Callable[[str], None]) -> None:
        self._scene, self._died, self._restarted = scene, died, restarted
        self._stop, self._idle, self._over = threading.Event(), threading.Event(), threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Restart no more; a restart that is under way comes to its end first."""
        self._stop.set()
        self._idle.wait()
        self.check()

    def check(self) -> None:
        """Raise what stopped the watch, if something did."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(LOOK_S):
                for name in list(self._scene.services):
                    self._look(name)
        except BaseException as failure:
            self._failure = failure
        self._idle.set()
        # a process of the lab dies with the thread that started it (`child.settings`): those restarted live on
        self._over.wait()

    def _look(self, name: str) -> None:
        child = self._scene.services[name]
        if child.process.poll() is None:
            return
        self._died(name)
        self._scene.children.forget(child)
        self._stop.wait(PAUSE_S)
        try:
            self._scene.start_service(name)
        except ChildFailedError:
            return  # killed again while it started: the next look finds it dead
        self._restarted(name)
