"""YAML text becomes plain values whose places are known. Nothing is constructed but text, numbers, lists and mappings.

The events of the YAML parser are read directly: depth is limited before anything recursive happens, aliases and tags
are refused (no alias bomb, no objects), and duplicate keys are all found, not only the first.
"""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from models.config_document import Document
from models.config_problems import Path, Spot, problem_at
from models.config_syntax import note_syntax

MAX_BYTES = 1_048_576
MAX_DEPTH = 20


def parse(text: str, file: str, prefix: Path = (), line: int = 1, column: int = 1) -> Document:
    """Read YAML 1.2. `prefix` goes before all paths; `line` and `column` are where `text` begins in `file`."""
    document = Document(Spot(file, line, column))
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        message = f"the text is longer than {MAX_BYTES} bytes"
        document.breaks(document.root, message, "a shorter one: this is not a configuration")
        return document
    try:
        _Reader(text, document, line, column).read(prefix)
    except _TooDeepError as error:
        document.breaks(error.spot, f"nested deeper than {MAX_DEPTH} levels", "fewer levels")
    except MarkedYAMLError as error:
        note_syntax(document, text, error, line, column)
    except ReaderError as error:
        before = text[: error.position].split("\n")
        spot = Spot(file, line + len(before) - 1, len(before[-1]) + (column if len(before) == 1 else 1))
        document.breaks(
            spot, f"the character U+{ord(text[error.position]):04X} cannot stand here", "the text without it"
        )
    except YAMLError as error:
        document.breaks(document.root, f"not a text that YAML can hold: {' '.join(str(error).split())[:200]}")
    return document


class _TooDeepError(Exception):
    def __init__(self, spot: Spot) -> None:
        self.spot = spot


class _Reader:
    """One pass over the parser's events."""

    def __init__(self, text: str, document: Document, line: int, column: int) -> None:
        self._yaml = YAML(typ="safe", pure=True)
        self._events: Iterator[Any] = self._yaml.parse(text)
        self._document = document
        self._line, self._column = line, column

    def read(self, prefix: Path) -> None:
        next(self._events), (start := next(self._events))
        if type(start).__name__ == "StreamEndEvent":
            return
        first = next(self._events)
        self._document.root = self._spot(first)
        self._document.data = self._value(first, prefix, 0)
        next(self._events)
        after = next(self._events)
        if type(after).__name__ != "StreamEndEvent":
            self._complain(after, "a second document begins here", "one document only, without '---'")

    def _spot(self, event: Any) -> Spot:
        mark = event.start_mark
        column = mark.column + (self._column if mark.line == 0 else 1)
        return Spot(self._document.root.file, mark.line + self._line, column)

    def _complain(self, event: Any, message: str, hint: str) -> None:
        self._document.problems.append(problem_at(self._spot(event), message, hint))

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        if isinstance(event, AliasEvent):
            return self._complain(event, f"the alias '*{event.anchor}' is not followed here", "the value itself")
        if event.tag is not None and event.tag != "!":
            self._complain(event, f"the tag '{event.tag}' means nothing here", "the value without a tag")
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if depth >= MAX_DEPTH:
            raise _TooDeepError(self._spot(event))
        if isinstance(event, MappingStartEvent):
            return self._mapping(path, depth + 1)
        return self._sequence(path, depth + 1)

    def _scalar(self, event: Any) -> Any:
        implicit = event.implicit if any(event.implicit) else (event.style is None, event.style is not None)
        tag = str(self._yaml.resolver.resolve(ScalarNode, event.value, implicit)).rsplit(":", 1)[-1]
        if tag in ("null", "bool", "int", "float"):
            return self._yaml.constructor.construct_object(ScalarNode(f"tag:yaml.org,2002:{tag}", event.value))
        return event.value

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            here = (*path, len(items))
            self._document.keys[here] = self._document.values[here] = self._spot(event)
            items.append(self._value(event, here, depth))
        return items

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            simple = isinstance(event, ScalarEvent)
            name = event.value if simple else "?"
            if not simple:
                self._complain(event, "a key must be a single word", "a name, then ': ' and its value")
                self._value(event, (*path, name), depth)
            value_event = next(self._events)
            repeated = name in found
            if repeated:
                first = self._document.keys[*path, name]
                self._complain(event, f"'{name}' stands twice here, first in line {first.line}", "it once")
            here = (*path, f"{name} (again)") if repeated else (*path, name)
            self._document.keys[here] = self._spot(event)
            # an absent value has a mark on some later line: its key is what people look for
            absent = isinstance(value_event, ScalarEvent) and not value_event.value and value_event.style is None
            self._document.values[here] = self._spot(event if absent else value_event)
            value = self._value(value_event, here, depth)
            if not repeated and simple:
                found[name] = value
        return found
