"""Durations as people write them: `500ms`, `10s`, `5m`, `6h`, `2d`; kept as whole milliseconds."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SHAPE = re.compile(r"^\s*(\d+)\s*(ms|s|m|h|d)\s*$")


def parse_duration(value: object) -> int:
    """Return whole milliseconds.

    Raises ValueError with what to write instead: a bare number has no unit and is refused.

    >>> parse_duration("5m")
    300000
    """
    if isinstance(value, str) and (found := _SHAPE.match(value)):
        return int(found[1]) * UNITS[found[2]]
    raise ValueError(f"{value!r} is not a duration; write a whole number with a unit, as 500ms, 10s, 5m, 6h or 2d")


def format_duration(milliseconds: int) -> str:
    """Write milliseconds with the largest unit that divides them.

    >>> format_duration(90_000)
    '90s'
    """
    for unit, size in sorted(UNITS.items(), key=lambda item: -item[1]):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": _SHAPE.pattern, "examples": ["10s", "5m"]}),
]


def duration_field(default: str, description: str) -> Any:
    """Declare a field whose default is written as people write it, and validated like theirs."""
    return Field(default=default, description=description)
