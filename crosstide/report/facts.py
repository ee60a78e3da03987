"""What ran, from `summary.json`: read by what is there, since every version of the job adds to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crosstide.report.words import duration


@dataclass(frozen=True)
class Accounting:
    """Records by topic: the columns in order, and a row of numbers each."""

    columns: list[str]
    rows: list[tuple[str, list[int | None]]]


def window_ms(summary: Mapping[str, Any], default: int = 10_000) -> int:
    """Return the length of a scored window in milliseconds."""
    size = _mapping(summary.get("windows")).get("size_ms")
    return size if isinstance(size, int) and size > 0 else default


def facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and value of everything that says what ran, but for the accounting of records."""
    found: list[tuple[str, str]] = []
    for key, value in summary.items():
        if key == "topics":
            continue
        if key == "elapsed_s" and isinstance(value, int | float):
            found.append(("took", duration(value)))
        elif isinstance(value, Mapping):
            found += [(f"{_plain(key)}: {_plain(str(k))}", _value(str(k), v)) for k, v in value.items() if _short(v)]
        elif _short(value):
            found.append((_plain(key), _value(key, value)))
    return found


def accounting(summary: Mapping[str, Any]) -> Accounting:
    """Add up the records of each topic over its partitions."""
    sums = {str(topic): _counts(value) for topic, value in _mapping(summary.get("topics")).items()}
    columns = list(dict.fromkeys(name for counts in sums.values() for name in counts))
    return Accounting(columns, [(topic, [counts.get(name) for name in columns]) for topic, counts in sums.items()])


def _counts(value: object) -> dict[str, int]:
    """Count by name; only where a mapping has no numbers of its own are its parts (the partitions) added up."""
    inner = _mapping(value)
    own = {_plain(str(k)): v for k, v in inner.items() if isinstance(v, int) and not isinstance(v, bool)}
    if own:
        return own
    counts: dict[str, int] = {}
    for part in inner.values():
        for name, count in _counts(part).items():
            counts[name] = counts.get(name, 0) + count
    return counts


def _value(key: str, value: object) -> str:
    if key.endswith("_ms") and isinstance(value, int):
        return duration(value / 1000)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(value: object) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= 8 and all(isinstance(v, str | int | float) for v in value)
    return isinstance(value, str | int | float) and len(str(value)) <= 120


def _plain(key: str) -> str:
    return key.removesuffix("_ms").removesuffix("_s").replace("_", " ")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
