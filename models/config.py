"""The configuration of the pipeline: frozen, typed, unknown keys refused.

Durations are milliseconds here and text (`5m`) in the file. Every field's description, unit and default make up
`docs/configuration.md`, which is generated from this module. Checks that need more than one field are in
`models/config_meaning.py`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from models.durations import Duration, duration_field

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the configuration: immutable, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class Windows(Section):
    """How event time is cut."""

    pane: Duration = duration_field("5s", "Shortest window: records are gathered and folded once per pane.")
    size: Duration = duration_field("10s", "Length of the window that is scored; a multiple of `pane`.")
    slide: Duration | None = Field(
        None, description="Distance between windows; a multiple of `pane` that divides `size`. Default: `size`."
    )
    out_of_orderness: Duration = duration_field("5s", "How far behind the newest record a record may come.")
    max_ahead: Duration = duration_field("1m", "How far ahead of the wall clock a record may claim to be.")
    idle_timeout: Duration = duration_field("30s", "A partition silent for so long no longer holds time back (live).")
    forget: Duration = duration_field("1h", "A service without any record for so long is no longer tracked.")
    buckets: Positive = Field(
        8, description="Hash buckets that hold the state of the services; fixed for a job's life."
    )

    @property
    def slide_ms(self) -> int:
        """Distance between windows, in milliseconds."""
        return self.size if self.slide is None else self.slide


class Limits(Section):
    """What a record may be, before it becomes a dead letter."""

    max_record_bytes: Positive = Field(262_144, description="Bytes of one message; longer ones are dead letters.")
    max_skew: Duration = duration_field("1m", "Body and record timestamps further apart are counted as skewed.")
    max_features: Positive = Field(64, description="Features kept per service; the others are dropped, in name order.")
    max_classes: Positive = Field(20, description="Prediction classes kept per service and pane, the commonest first.")
    sample: Positive = Field(64, description="Feature vectors kept per service and pane for `inputs.outlier_share`.")
    max_services: Positive = Field(
        10_000, description="Services (entities) tracked per stream, about; new ones beyond that are dropped by policy."
    )
    max_signals: Positive = Field(
        500, description="Signals remembered per service (entity); new ones beyond that are left out."
    )
    dead_letter_rate: Annotated[float, Field(gt=0)] = Field(
        10.0,
        description="Dead letters of a topic per second; a window of more breaks a rule of service `stream.TOPIC`.",
    )


class Expectation(Section):
    """The local expectation: what a signal should be now, from its own recent past and from the baseline."""

    history: Annotated[int, Field(ge=8, le=1000)] = Field(
        30, description="Windows remembered per signal; expectation and spread are their median and MAD."
    )
    warm_up: Annotated[int, Field(ge=4)] = Field(
        12, description="Windows needed before a signal without a trained baseline is judged."
    )
    freeze_cap: Positive = Field(
        30, description="Strange windows kept out of the history at most; after that the new level is learned."
    )


class Rule(Section):
    """A static rule: a signal beyond a level for some time."""

    signal: str = Field(description="Signal name, as `latency_ms.p95`; `*` matches within a name.")
    above: float | None = Field(None, description="Broken while the signal is above this value (the signal's unit).")
    below: float | None = Field(None, description="Broken while the signal is below this value (the signal's unit).")
    lasting: Duration = Field(alias="for", description="How long it must last without a gap, as `5m`.")
    service: str = Field("*", description="Service the rule is for; `*` for all.")


class Detectors(Section):
    """Detectors by stream: a list of `{kind: ..., option: ...}`; each kind documents its options."""

    model: list[dict[str, Any]] = Field(
        [{"kind": kind} for kind in ("static", "ewma", "rates", "forest", "drift")],
        description="Detectors on model outputs.",
    )
    infra: list[dict[str, Any]] = Field(
        [{"kind": kind} for kind in ("static", "ewma", "forest")], description="Detectors on telemetry."
    )


class Join(Section):
    """The join window around the onset of an incident; asymmetric, since infrastructure may lead."""

    infra_leads: Duration = duration_field("2m", "Infrastructure anomalies so long before the onset still count.")
    infra_lags: Duration = duration_field("30s", "Infrastructure anomalies so long after the onset still count.")
    change_leads: Duration = duration_field("2m", "Changes so long before the onset are suspects.")


class Opening(Section):
    """When evidence becomes an incident."""

    m: Positive = Field(2, description="Strange windows needed ...")
    n: Positive = Field(3, description="... out of so many in a row.")
    who: list[str] = Field(
        ["error_rate", "latency_ms.*", "confidence.*", "prediction.*", "class.*", "inputs.*", "feature.*"],
        description="Signals of the model stream that may open an incident; a broken rule always may.",
    )
    infra_only: bool = Field(
        True, description="Telemetry may open alone where the service has no model outputs at all."
    )


class Clearing(Section):
    """When an incident is over."""

    below: Share = Field(0.7, description="A window is calm while its score (1 = threshold) is under this.")
    after: Duration = duration_field("30s", "Calm for so long, with telemetry and outputs present: resolved.")


class ServiceNode(Section):
    """What one service stands on and whom it calls."""

    on: list[str] = Field([], description="Entities that carry it, as `node/n1`, `pod/p7`, `gpu/n1:0`.")
    calls: list[str] = Field([], description="Services it calls.")


class Topology(Section):
    """Which entity carries which service, and who calls whom."""

    services: dict[str, ServiceNode] = Field({}, description="Service name to what it stands on.")


class Outputs(Section):
    """What is written."""

    job: str = Field("crosstide", description="Name of the job, in `source` and `provenance` of every incident.")
    environment: str = Field("default", description="Deployment environment, part of the incident's identity.")
    score_floor: Annotated[float, Field(ge=0)] = Field(
        0.5, description="Verdicts of single detectors below this score are not written; `fused` always is."
    )
    max_anomalies: Positive = Field(20, description="Anomalies listed in one incident; more are counted as truncated.")


class Pipeline(Section):
    """The whole configuration, one YAML file."""

    windows: Windows = Field(default_factory=lambda: Windows(), description="How event time is cut.")
    limits: Limits = Field(default_factory=lambda: Limits(), description="What a record may be.")
    expectation: Expectation = Field(default_factory=lambda: Expectation(), description="The local expectation.")
    detectors: Detectors = Field(default_factory=lambda: Detectors(), description="Detectors by stream.")
    rules: list[Rule] = Field([], description="Static rules, for the `static` detectors.")
    join: Join = Field(default_factory=lambda: Join(), description="The join window.")
    opening: Opening = Field(default_factory=lambda: Opening(), description="When evidence becomes an incident.")
    clearing: Clearing = Field(default_factory=lambda: Clearing(), description="When an incident is over.")
    topology: Topology = Field(default_factory=lambda: Topology(), description="Entities, services and calls.")
    outputs: Outputs = Field(default_factory=lambda: Outputs(), description="What is written.")
