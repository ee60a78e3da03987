"""A recording of the lab's first form, seven minutes of two services: small enough to be run by many tests."""

from pathlib import Path


def recording() -> Path:
    """Return its folder: `reference/` to learn from, `faulty/` to judge."""
    return Path(__file__).parent / "recordings"
