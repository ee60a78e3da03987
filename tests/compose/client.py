"""The client's side of a container engine: commands, and how compose is called here."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

COMPOSES = (["docker", "compose"], ["docker-compose"])


class NoEngineError(RuntimeError):
    """Containers cannot be run here; the message says why."""


@dataclass(frozen=True)
class Engine:
    """How to talk to an engine: the environment of its client, and the words that compose is called with.

    `home` is in the command line of every process of an engine of ours, and empty for the machine's own.
    """

    environment: dict[str, str]
    compose: list[str]
    home: str = ""

    def run(self, *words: str, timeout: float = 1800, check: bool = True, more: Mapping[str, str] | None = None) -> str:
        """Run a command with this engine; returns its output. Raises AssertionError with the end of it."""
        done = subprocess.run(
            words, env={**self.environment, **(more or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, cwd="/",
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{' '.join(words[:4])}: {done.stdout[-3000:]}"
        return done.stdout

    def has(self, image: str) -> bool:
        """Tell whether an image of that name is there."""
        return bool(self.run("docker", "images", "-q", image).strip())


def compose_words(environment: Mapping[str, str]) -> list[str] | None:
    """Return how compose is called here: v2 is a part of docker, v1 a program of its own; None for neither."""
    for words in COMPOSES:
        if shutil.which(words[0], path=environment["PATH"]):
            done = subprocess.run([*words, "version"], capture_output=True, env=dict(environment))
            if done.returncode == 0:
                return words
    return None
