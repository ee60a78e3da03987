"""Overrides: `windows.size=1m` changes one value of a configuration that was read, and keeps its place for errors."""

import copy
import re
from typing import Any

from models.config import Pipeline
from models.config_document import Document
from models.config_problems import Path, Spot, problem_at
from models.config_tree import parse

FILE = "--set"
_PART = re.compile(r'"([^"]*)"|([^."=]+)')


def apply_override(document: Document, text: str, number: int) -> None:
    """Put the value of `text` (`path=value`, the value in YAML) into the document; what is wrong joins its problems.

    `number` is which override this is, from 1: the line of its places. Names with dots are written in quotes:
    `topology.services."a.b".on=[node/n1]`.
    """
    parts = _parts(text)
    if parts is None:
        spot = Spot(FILE, number, 1)
        message = f"'{text}' is not an override"
        document.problems.append(problem_at(spot, message, "a path, '=' and a value, as windows.size=1m"))
        return
    begins = parts[-1][1]
    names = [(name, Spot(FILE, number, column + 1)) for name, column in parts[:-1]]
    holder = _descend(document, names)
    if holder is None:
        return
    path = (*holder[1], _index(names[-1][0], holder[0]))
    value = parse(text[begins:], FILE, path, number, begins + 1)
    document.problems += value.problems
    if value.broken:
        return
    document.forget(path)
    _put(holder[0], path[-1], value.data)
    document.keys |= value.keys | {path: names[-1][1]}
    document.values |= value.values | {path: Spot(FILE, number, begins + 1)}


def _parts(text: str) -> list[tuple[str, int]] | None:
    """Split into (name, column from 0); the last is the empty name with the column where the value begins."""
    parts: list[tuple[str, int]] = []
    at = 0
    while found := _PART.match(text, at):
        parts.append(((found[1] or found[2] or "").strip(), at))
        at = found.end()
        if text[at : at + 1] == "=":
            return [*parts, ("", at + 1)]
        if text[at : at + 1] != ".":
            return None
        at += 1
    return None


def _descend(document: Document, names: list[tuple[str, Spot]]) -> tuple[Any, Path] | None:
    """Go to what holds the last name; sections on the way are made, default lists taken over, as needed."""
    if not isinstance(document.data, dict):
        document.data = {}
    here: Any = document.data
    default: Any = Pipeline().model_dump(by_alias=True)
    path: Path = ()
    for position, (name, spot) in enumerate(names):
        if isinstance(here, list):
            if not name.isdigit() or int(name) > len(here):
                last = f"0 to {len(here)} ({len(here)} adds one)"
                document.problems.append(problem_at(spot, f"'{name}' is no item of this list", f"a number, {last}"))
                return None
        elif not isinstance(here, dict):
            above = names[position - 1][0]
            document.problems.append(problem_at(spot, f"'{above}' holds a value, no keys", f"{above}=VALUE"))
            return None
        if position == len(names) - 1:
            return here, path
        key = _index(name, here)
        default = default.get(name) if isinstance(default, dict) else None
        absent = key >= len(here) if isinstance(key, int) else here.get(key) is None
        if absent:
            _put(here, key, copy.deepcopy(default) if isinstance(default, list) else {})
            document.keys[*path, key] = document.values[*path, key] = spot
        here, path = here[key], (*path, key)
    return None


def _index(name: str, holder: Any) -> str | int:
    return int(name) if isinstance(holder, list) else name


def _put(holder: Any, key: Any, value: Any) -> None:
    if isinstance(holder, list) and key == len(holder):
        holder.append(value)
    else:
        holder[key] = value
