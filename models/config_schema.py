"""The shape of a configuration: pydantic's errors in words, at the place where the value stands."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.config import Pipeline
from models.config_document import Document
from models.config_problems import Path, Problem, problem_at, unknown

_TYPES = {
    "list_type": ("a list", "[a, b], or one item a line after '- '"),
    "int_type": ("a whole number", "one without quotes or a point, as 3"),
    "float_type": ("a number", "one without quotes or a unit, as 0.5"),
    "bool_type": ("true or false", "true or false"),
    "finite_number": ("a finite number", "a finite number, as 0.5"),
    "model_type": ("a section with keys", "its keys with their values, or leave it out"),
    "dict_type": ("a section with keys", "its keys with their values, or leave it out"),
    "model_attributes_type": ("a section with keys", "its keys with their values, or leave it out"),
}


def schema_problems(
    errors: ValidationError, document: Document, model: type[BaseModel], at: Path = ()
) -> list[Problem]:
    """Word the errors of one validation; `at` is where the validated value stands in the document."""
    return [_word(error, document, model, at) for error in errors.errors(include_url=False)]


def suspects(errors: ValidationError, model: type[BaseModel], at: Path = ()) -> Iterator[Path]:
    """Name what cannot be judged further: wrong values, items that lack something, and what unknown keys meant."""
    for error in errors.errors(include_url=False):
        path = (*at, *error["loc"])
        yield path[:-1] if error["type"] == "missing" else path
        if error["type"] == "extra_forbidden":
            meant = unknown("key", str(path[-1]), keys_of(model, error["loc"][:-1]))[1]
            yield (*path[:-1], meant)


def keys_of(model: type[BaseModel], path: Path) -> dict[str, FieldInfo]:
    """Return the keys, as the file names them, of the section at `path` under `model`; empty where there is none."""
    current: type[BaseModel] | None = model
    for part in path:
        if current is None:
            return {}
        field = None if isinstance(part, int) else _keys(current).get(part)
        if field is not None:
            current = section_of(field.annotation)
    return {} if current is None else _keys(current)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, by itself or in a list or a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_of(part)) is not None), None)


def _keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _word(error: ErrorDetails, document: Document, model: type[BaseModel], at: Path) -> Problem:
    path = (*at, *error["loc"])
    name = str(path[-1]) if path else "the configuration"
    if error["type"] == "missing":
        field = keys_of(model, error["loc"][:-1])[name]
        hint = f"'{name}: ...' here ({(field.description or '').rstrip('.')})"
        return problem_at(document.spot(path[:-1]), f"'{name}' is missing", hint)
    if error["type"] == "extra_forbidden":
        return problem_at(document.spot(path, key=True), *_unknown_key(name, model, error["loc"]))
    value = error["input"]
    shown = "nothing" if value is None else repr(value)[:60]
    wanted = _TYPES.get(error["type"])
    label = f"item {name}" if name.isdigit() else name
    if wanted:
        return problem_at(document.spot(path), f"{label} must be {wanted[0]}, not {shown}", wanted[1])
    if error["type"] == "string_type":
        return problem_at(document.spot(path), f"{label} must be text, not {shown}", f'"{value}", in quotes')
    said = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "value_error":
        message, _, hint = said.partition("; write ")
        return problem_at(document.spot(path), message, hint)
    return problem_at(document.spot(path), f"{label} cannot be {shown}", f"a value {said}")


def _unknown_key(name: str, model: type[BaseModel], location: Path) -> tuple[str, str]:
    known = keys_of(model, location[:-1])
    message, hint = unknown("key", name, known)
    if hint not in known and model is Pipeline:
        for section, field in Pipeline.model_fields.items():
            inner = section_of(field.annotation)
            if section != "rules" and inner is not None and name in _keys(inner):
                return f"unknown key '{name}' here: it belongs in '{section}'", f"it under '{section}:'"
    return message, hint
