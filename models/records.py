"""What comes in: one frozen struct for each topic that people and programs write to.

The structs are both the parser (msgspec decodes bytes straight into them, and refuses NaN, infinities, wrong types
and broken UTF-8) and the published JSON Schemas (`docs/schemas/`). Unknown keys are allowed, so that producers may
add fields of their own. Event time and key come with the Kafka record; the body repeats both, so that a file of
messages can be replayed.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

#: Names hold no control characters. msgspec writes this into the schemas only; `models.intake` enforces it, since a
#: search in each name costs more than decoding the whole record.
NAME_PATTERN = r"^[^\x00-\x1f]+$"
Name = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema={"pattern": NAME_PATTERN})]
#: ISO 8601 with an offset, or whole milliseconds since 1970.
Timestamp = Annotated[int, Meta(ge=0, le=4_102_444_800_000)] | Annotated[str, Meta(max_length=40)]
Feature = float | str | None

ChangeType = Literal["deploy", "model_version", "config", "baseline"]
MetricKind = Literal["gauge", "counter", "delta", "event"]


class ModelOutput(Struct, frozen=True, gc=False, kw_only=True):
    """One answer of a model (topic `model-outputs`, key `service`)."""

    service: Name
    timestamp: Timestamp
    request_id: Name
    model: Name | None = None
    version: Annotated[str, Meta(max_length=200)] | None = None
    prediction: float | str | bool | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | list[float] | None = None
    latency_ms: float | None = None
    error: bool | str = False
    features: dict[str, Feature] | None = None
    trace_id: str | None = None
    segment: str | None = None
    caller: str | None = None


class Telemetry(Struct, frozen=True, gc=False, kw_only=True):
    """One sample of one metric (topic `telemetry`, key `service`, or the entity's name where no service is named)."""

    timestamp: Timestamp
    metric: Name
    value: float
    service: Name | None = None
    node: Name | None = None
    pod: Name | None = None
    gpu: Name | None = None
    unit: str | None = None
    kind: MetricKind = "gauge"


class Label(Struct, frozen=True, gc=False, kw_only=True):
    """The truth of one earlier answer (topic `labels`), hours or days late."""

    service: Name
    request_id: Name
    timestamp: Timestamp
    label: float | str | bool


class Change(Struct, frozen=True, gc=False, kw_only=True):
    """Something people did (topic `changes`): the first suspect when trouble follows."""

    service: Name
    timestamp: Timestamp
    type: ChangeType
    ref: Annotated[str, Meta(max_length=500)]


class Control(Struct, frozen=True, kw_only=True):
    """An instruction to the running job (topic `control`): who asked for what, and when."""

    id: Name
    timestamp: Timestamp
    actor: Name
    kind: Literal["rule", "artifact", "maintenance", "silence", "acknowledge", "feedback"]
    service: Name | None = None
    until: Timestamp | None = None
    body: dict[str, str | float | bool | None] = {}


def entity_of(record: Telemetry) -> str:
    """Name the most specific thing that a telemetry record speaks of, as `kind/name`.

    >>> entity_of(Telemetry(timestamp=0, metric="cpu", value=1.0, node="n1", service="checkout"))
    'node/n1'
    """
    if record.gpu is not None:
        return f"gpu/{record.node}:{record.gpu}" if record.node is not None else f"gpu/{record.gpu}"
    if record.pod is not None:
        return f"pod/{record.pod}"
    if record.node is not None:
        return f"node/{record.node}"
    return f"service/{record.service}" if record.service is not None else "unknown/unknown"


#: Fields that are names, by type of record.
NAMED: dict[type[Struct], tuple[str, ...]] = {
    ModelOutput: ("service", "request_id", "model"),
    Telemetry: ("metric", "service", "node", "pod", "gpu"),
    Label: ("service", "request_id"),
    Change: ("service",),
}
