"""`docs/schemas/*.json`: the JSON Schema (2020-12) of every topic, from the structs that parse and write it."""

import inspect
import json
from typing import Any

import msgspec

from models.incident import IncidentEvent
from models.packets import DeadLetter
from models.records import Change, Control, Label, ModelOutput, Telemetry
from models.scores import Score

TOPICS: dict[str, type[msgspec.Struct]] = {
    "model-outputs": ModelOutput,
    "telemetry": Telemetry,
    "labels": Label,
    "changes": Change,
    "control": Control,
    "score": Score,
    "incident": IncidentEvent,
    "dead-letter": DeadLetter,
}


def schemas() -> dict[str, str]:
    """Return name -> JSON text."""
    return {name: json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n" for name in TOPICS}


def schema(name: str) -> dict[str, Any]:
    """Return one schema; its `$id` is `urn:crosstide:schema:NAME:1`."""
    _, components = msgspec.json.schema_components([TOPICS[name]], ref_template="#/$defs/{name}")
    for component in components.values():
        component["description"] = inspect.cleandoc(component.get("description", ""))
    own: dict[str, Any] = components.pop(TOPICS[name].__name__)
    own.pop("title", None)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:crosstide:schema:{name}:1",
        "title": name,
    }
    return head | own | ({"$defs": dict(sorted(components.items()))} if components else {})
