"""Text becomes a configuration, or all its errors at once, each with file, line, column and what to write instead.

Three stages: syntax (a text that cannot be read is judged no further), then schema and meaning together. What the
schema refused is cut out, so that the meaning of the rest can still be judged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from models.config import Pipeline
from models.config_detectors import detector_problems
from models.config_document import Document
from models.config_meaning import find
from models.config_problems import ConfigErrors, Path, Problem, problem_at
from models.config_schema import schema_problems, suspects
from models.config_set import apply_override
from models.config_tree import parse
from models.signals import canonical

TOPOLOGY: Path = ("topology",)


def read_pipeline(
    text: str,
    file: str,
    overrides: Sequence[str] = (),
    topology_text: str | None = None,
    topology_file: str = "topology.yaml",
    known_kinds: Mapping[str, type[BaseModel]] | None = None,
) -> Pipeline:
    """Return the configuration that `text` says, the topology file merged in, the overrides (`path=value`) on top.

    A service of the topology file replaces the one of the same name in `text`. `known_kinds`: the options of each
    detector kind; without it, kinds and options are not checked. Signals of rules come out under our short names.
    Raises ConfigErrors with every problem found.
    """
    document = parse(text, file)
    if topology_text is not None:
        _add_topology(document, parse(topology_text, topology_file, TOPOLOGY))
    if document.broken:
        raise ConfigErrors(document.problems)
    for number, override in enumerate(overrides, 1):
        apply_override(document, override, number)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        message = "a configuration is made of sections"
        raise ConfigErrors([*document.problems, problem_at(document.root, message, "keys as 'windows:', not a value")])
    pipeline, problems = _judge(data, document, known_kinds)
    if problems or document.problems:
        said = {(p.file, p.line, p.column) for p in document.problems}
        raise ConfigErrors([*document.problems, *(p for p in problems if (p.file, p.line, p.column) not in said)])
    rules = [rule.model_copy(update={"signal": canonical(rule.signal)}) for rule in pipeline.rules]
    return pipeline.model_copy(update={"rules": rules})


def _judge(
    data: dict[str, Any], document: Document, known_kinds: Mapping[str, type[BaseModel]] | None
) -> tuple[Pipeline, list[Problem]]:
    problems: list[Problem] = []
    bad: set[Path] = set()
    first = True
    while True:
        kept, survivors = _without(data, bad)
        try:
            pipeline = Pipeline.model_validate(kept, strict=True)
            break
        except ValidationError as errors:
            if first:
                problems += schema_problems(errors, document, Pipeline)
            first = False
            bad |= {_original(path, survivors) for path in suspects(errors, Pipeline)}
    for finding in find(pipeline):
        paths = [_original(path, survivors) for path in finding.paths]
        if not any(path[:length] in bad for path in paths for length in range(1, len(path) + 1)):
            problems.append(problem_at(document.spot(*paths), finding.message, finding.hint))
    problems += detector_problems(pipeline.detectors, document, lambda path: _original(path, survivors), known_kinds)
    return pipeline, problems


def _add_topology(document: Document, other: Document) -> None:
    document.problems += other.problems
    document.broken |= other.broken
    if document.data is None:
        document.data = {}
    if document.broken or not isinstance(document.data, dict) or other.data is None:
        return
    base = document.data.get("topology")
    if isinstance(base, dict) and isinstance(other.data, dict):
        old, new = base.get("services"), other.data.get("services")
        if isinstance(old, dict) and isinstance(new, dict):
            for name in old.keys() & new.keys():
                document.forget((*TOPOLOGY, "services", name))
            other.data["services"] = old | new
        document.data["topology"] = base | other.data
    else:
        document.forget(TOPOLOGY)
        document.data["topology"] = other.data
    document.keys = {TOPOLOGY: other.root} | document.keys | other.keys
    document.values = {TOPOLOGY: other.root} | document.values | other.values


def _without(value: Any, bad: set[Path]) -> tuple[Any, dict[Path, list[int]]]:
    """Cut the bad paths out; for each list, answer which of its items survived."""
    survivors: dict[Path, list[int]] = {}

    def cut(node: Any, path: Path) -> Any:
        if isinstance(node, dict):
            return {key: cut(child, (*path, key)) for key, child in node.items() if (*path, key) not in bad}
        if isinstance(node, list):
            survivors[path] = [index for index in range(len(node)) if (*path, index) not in bad]
            return [cut(node[index], (*path, index)) for index in survivors[path]]
        return node

    return cut(value, ()), survivors


def _original(path: Path, survivors: dict[Path, list[int]]) -> Path:
    """Translate a path of the cut value into one of the value as written."""
    original: Path = ()
    for part in path:
        kept = survivors.get(original)
        original = (*original, kept[part] if isinstance(part, int) and kept is not None and part < len(kept) else part)
    return original
