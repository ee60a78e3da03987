"""The configuration from files: reads them, and leaves the judging to `models.config_text`."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from jobs.shipped import shipped
from models.config import Pipeline
from models.config_problems import ConfigErrors, Problem
from models.config_text import read_pipeline
from models.config_tree import MAX_BYTES
from models.detectors.registry import options_by_kind

DEFAULT = "pipeline.yaml"
TOPOLOGY = "topology.yaml"


def load_pipeline(
    config: Path | None = None,
    overrides: Sequence[str] = (),
    topology: Path | None = None,
    beside: Path | None = None,
) -> Pipeline:
    """Return the configuration of a job.

    `config`: a pipeline.yaml, by default the shipped one. `overrides`: `path=value`, as `windows.size=1m`.
    `topology`: a topology.yaml to merge in; by default the one in the folder `beside` (the input), if it is there.
    Raises ConfigErrors with every problem, unreadable files among them.
    """
    path = shipped(DEFAULT) if config is None else config
    if topology is None and beside is not None and (beside / TOPOLOGY).is_file():
        topology = beside / TOPOLOGY
    text, problems = _read(path)
    topology_text, more = (None, []) if topology is None else _read(topology)
    if problems or more:
        raise ConfigErrors([*problems, *more])
    name = TOPOLOGY if topology is None else str(topology)
    return read_pipeline(text, str(path), overrides, topology_text, name, options_by_kind())


def config_sha256(pipeline: Pipeline) -> str:
    """Return the sha256 (hex) of what a configuration says, whatever its text: defaults filled in, keys sorted."""
    said = pipeline.model_dump(mode="json", by_alias=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read(path: Path) -> tuple[str, list[Problem]]:
    try:
        with path.open("rb") as file:
            # one byte more than allowed is enough to see that it is too long
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        return "", [Problem(str(path), 1, 1, message, "the path of a file that you may read")]
    try:
        # a text cut short by the limit may end within a character
        return data.decode("utf-8-sig", "replace" if len(data) > MAX_BYTES else "strict"), []
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return "", [Problem(str(path), line, column, "this byte is not UTF-8", "the file in UTF-8")]
