"""A container engine for the test of docker-compose.yml: the machine's own, or one started for the test.

The machine's own must have the images, or reach a registry: it is never given stand-ins. One of ours keeps its images
in the cache folder, so that a second run builds nothing anew.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.places import cache
from tests.compose.client import Engine, NoEngineError, compose_words
from tests.compose.daemon import own_engine
from tests.compose.images import NAMES, make_all


@contextmanager
def engine() -> Iterator[Engine]:
    """Yield an engine with images under every name that the files use. Raises NoEngineError."""
    found = _running()
    if found is not None:
        yield found
        return
    with own_engine() as started:
        try:
            make_all(started.run, cache() / "compose" / "images")
        except (AssertionError, ClusterError) as error:
            raise NoEngineError(f"an image cannot be made here: {error}") from None
        yield started


def _running() -> Engine | None:
    """Return the machine's own engine, if one answers and has the images or gets them."""
    compose = compose_words(os.environ)
    if shutil.which("docker") is None or compose is None:
        return None
    found = Engine(dict(os.environ), compose)
    try:
        found.run("docker", "info", timeout=30)
        for image in NAMES:
            if not found.has(image):
                found.run("docker", "pull", image, timeout=300)
    except (AssertionError, subprocess.TimeoutExpired):
        return None
    return found
