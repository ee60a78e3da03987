"""The process of a storm on the disk: threads that write a file and sync it, again and again.

Writing goes past the page cache where the file system lets it (`O_DIRECT`, open(2)): copying would cost a fifth of a
core, and the storm shall take the disk and not the cores. Nothing is left to be written when it ends, and the files
have no name, so they go with the process however that ends.
"""

import fcntl
import mmap
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from threading import Event

from crosstide.lab.child import announce, settings, stop_event

MEGABYTE = 1 << 20


def storm(folder: Path, megabytes: int, stop: Event) -> None:
    """Write so many megabytes and sync them, over and over in one unnamed file, until told to stop."""
    block = mmap.mmap(-1, MEGABYTE)  # aligned to a page, as O_DIRECT wants it
    block.write(os.urandom(MEGABYTE))  # a disk that compresses, or skips zeros, has to write it all the same
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        number = file.fileno()
        with suppress(OSError):
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_DIRECT)
        while not stop.is_set():
            for i in range(megabytes):
                os.pwrite(number, block, i * MEGABYTE)
                if stop.is_set():
                    return
            os.fsync(number)


def main() -> None:
    """Storm with `threads`, each over `megabytes`, in `folder`."""
    spec = settings()
    stop = stop_event()
    arguments = (Path(spec["folder"]), spec["megabytes"], stop)
    threads = [threading.Thread(target=storm, args=arguments) for _ in range(spec["threads"])]
    announce()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
