"""What is wrong with a configuration: where, what, and what to write instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

#: Where a value stands in the configuration: keys and list indexes from the root.
Path = tuple[str | int, ...]
MAX_COMPARED = 500
MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file; line and column count from 1. Values of `--set` have the file `--set`: line n is the n-th."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a configuration. `hint` completes the sentence "write ..."; it may be empty."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        advice = f"; write {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{advice}"


class ConfigErrors(Exception):  # noqa: N818 - it holds many
    """All problems of a configuration, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.message))
        super().__init__("\n".join(map(str, self.problems)))


def problem_at(spot: Spot, message: str, hint: str = "") -> Problem:
    """Say that something is wrong at a place."""
    return Problem(spot.file, spot.line, spot.column, message, hint)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, if any is near; of equally near ones, the first of `known`."""
    names = list(known)
    found = sorted(get_close_matches(word, names, n=5, cutoff=0.6), key=names.index)
    return max(found, key=lambda name: SequenceMatcher(None, name, word).ratio()) if found else None


def dotted(path: Path) -> str:
    """Write a path as `--set` takes it.

    >>> dotted(("rules", 0, "above"))
    'rules.0.above'
    """
    return ".".join(map(str, path))


def unknown(what: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    """Return message and hint for a name that is not one of `known`."""
    names = sorted(known)
    near = closest(name, names) if len(names) <= MAX_COMPARED else None
    if near:
        return f"unknown {what} '{name}': did you mean '{near}'?", near
    more = ", ..." if len(names) > MAX_LISTED else ""
    return f"unknown {what} '{name}'", f"one of {', '.join(names[:MAX_LISTED])}{more}" if names else ""
