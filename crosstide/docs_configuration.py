"""`docs/configuration.md`: every key of the configuration, its unit, default and meaning, from the models."""

import json
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from models.config import Pipeline
from models.config_schema import section_of
from models.durations import format_duration, parse_duration
from models.signals import MODEL_SIGNALS, OPEN_TELEMETRY

INTRODUCTION = """\
# Configuration

One YAML file, [`flink-conf/pipeline.yaml`](../flink-conf/pipeline.yaml) unless `--config` names another. Every key may
be left out. A key that is not on this page is an error. `crosstide check --config FILE` says all errors at once.

`--set PATH=VALUE` changes one value without editing: `--set windows.size=1m`, `--set rules.0.above=300`,
`--set 'topology.services."a.b".on=[node/n1]'` (quotes around a name with dots).

A **duration** is a whole number with a unit: `500ms`, `10s`, `5m`, `6h`, `2d`.

This page is generated from the program (`python -m crosstide.docs`); do not edit it.
"""
_LONG = 130
_TYPES: dict[Any, str] = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def configuration_page(kinds: Mapping[str, type[BaseModel]]) -> str:
    """Return the page, in Markdown. `kinds`: the options of each kind of detector."""
    parts = [INTRODUCTION]
    for name, field in Pipeline.model_fields.items():
        section = section_of(field.annotation)
        if section is not None:
            parts.append("\n".join(_section(name, field, section)))
        if name == "detectors":
            parts.extend("\n".join(_kind(kind, options)) for kind, options in kinds.items())
    return "\n".join([*parts, *_signals()]) + "\n"


def _section(path: str, field: FieldInfo, section: type[BaseModel]) -> Iterator[str]:
    repeated = get_origin(field.annotation) is list
    yield f"## `{path}`\n"
    yield f"{_first_line(section)}{' A list; each item has these keys.' if repeated else ''}\n"
    yield from _table(section, f"{path}[]." if repeated else f"{path}.")


def _kind(kind: str, options: type[BaseModel]) -> Iterator[str]:
    yield f"### Detector `{kind}`\n"
    yield f"{_first_line(options)}\n"
    if options.model_fields:
        yield from _table(options, "")


def _table(section: type[BaseModel], prefix: str) -> Iterator[str]:
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    yield from _rows(section, prefix)
    yield ""
    for name, field in section.model_fields.items():
        items = _plain_default(field)
        if isinstance(items, list) and len(json.dumps(items)) > _LONG:
            lines = "\n".join(f"- {json.dumps(item)}" for item in items)
            yield f"Default of `{prefix}{field.alias or name}`:\n\n```yaml\n{lines}\n```\n"


def _rows(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        cells = (f"`{key}`", _value(field), _default(field), field.description or "")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        inner = section_of(field.annotation)
        if inner is not None:
            joint: dict[Any, str] = {list: "[].", dict: ".NAME."}
            yield from _rows(inner, key + joint.get(get_origin(field.annotation), "."))


def _value(field: FieldInfo) -> str:
    words = _words(field.annotation, field.metadata)
    signs = ((Gt, "gt", "above"), (Ge, "ge", "from"), (Lt, "lt", "below"), (Le, "le", "to"))
    marks = [m for m in [*field.metadata, *_marks(field.annotation)] if isinstance(m, Gt | Ge | Lt | Le)]
    limits = [f"{word} {getattr(m, name):g}" for kind, name, word in signs for m in marks if isinstance(m, kind)]
    return f"{words}, {' '.join(limits)}" if limits else words


def _words(annotation: Any, metadata: list[Any]) -> str:
    if any(isinstance(m, BeforeValidator) and m.func is parse_duration for m in [*metadata, *_marks(annotation)]):
        return "duration"
    arguments = [a for a in get_args(annotation) if a is not NoneType]
    origin = get_origin(annotation)
    if origin is list:
        return "list of sections" if _holds_mapping(arguments[0]) else f"list of {_words(arguments[0], [])}"
    if origin is dict:
        return "section by name"
    if arguments and NoneType in get_args(annotation):
        return _words(arguments[0], [])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    if arguments and all(isinstance(a, str) for a in arguments):
        return " or ".join(f"`{a}`" for a in arguments)
    plain: Any = arguments[0] if arguments else annotation
    return _TYPES.get(plain, "value")


def _holds_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict or section_of(annotation) is not None


def _marks(annotation: Any) -> list[Any]:
    """Collect what `Annotated` says, within an optional type too."""
    return [*getattr(annotation, "__metadata__", ()), *(m for a in get_args(annotation) for m in _marks(a))]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = _plain_default(field)
    if value is None:
        return "-"
    if isinstance(value, BaseModel):
        return "see there"
    if isinstance(value, int) and _words(field.annotation, field.metadata) == "duration":
        value = format_duration(value)
    shown = value if isinstance(value, str) else json.dumps(value)
    return f"`{shown}`" if len(shown) <= _LONG else "below"


def _plain_default(field: FieldInfo) -> Any:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, list):
        return [v.model_dump(exclude_unset=True, by_alias=True) if isinstance(v, BaseModel) else v for v in value]
    return value


def _first_line(section: type[BaseModel]) -> str:
    return (section.__doc__ or "").strip().splitlines()[0]


def _signals() -> Iterator[str]:
    yield "## Signals\n"
    yield "Rules and `opening.who` name signals; `*` matches within a name. Model outputs have:\n"
    yield "| signal | meaning |\n|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in MODEL_SIGNALS.items())
    yield "\nEvery metric of telemetry is a signal of its own name. Of these, OpenTelemetry's name is accepted too:\n"
    yield "| signal | OpenTelemetry |\n|---|---|"
    yield from (f"| `{ours}` | `{theirs}` |" for ours, theirs in OPEN_TELEMETRY.items())
