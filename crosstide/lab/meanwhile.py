"""Work that goes on in a thread while a fault lasts."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event


@contextmanager
def meanwhile(work: Callable[[Event], None]) -> Iterator[None]:
    """Run `work` until the event that it is given is set, at the end of the block; what it raises is raised there."""
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work, over)
        try:
            yield
        finally:
            over.set()
        running.result()
