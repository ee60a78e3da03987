"""The incident: a CloudEvents 1.0 envelope whose `data` says what broke, since when, how bad, how sure, and why.

Every change of an incident is a new revision with the same `incident_id`. Ids come from content, so a replay or a
restart writes the same ones. `recordedtime` is the one field that holds processing time.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from models.records import ChangeType
from models.scores import Contribution, Stream

Severity = Literal["info", "warning", "high", "critical"]
IncidentStatus = Literal["open", "resolved", "merged"]
Category = Literal[
    "resource_saturation", "oom", "gpu_fault", "network", "storage", "dependency", "traffic_surge", "deployment",
    "model_version", "input_drift", "concept_drift", "data_quality", "telemetry_loss", "unknown",
]  # fmt: skip
Domain = Literal["infra", "model", "data", "change", "unknown"]
Confidence = Annotated[float, Meta(ge=0, le=1)]


class Transition(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What this revision changed."""

    to: IncidentStatus
    reason: str
    actor: str = "crosstide"
    from_: IncidentStatus | None = field(default=None, name="from")


class ResolveRule(Struct, frozen=True):
    """When the incident will resolve by itself."""

    policy: Literal["all_clear"]
    clear_after_s: float


class SeverityFactors(Struct, frozen=True):
    """Where the severity comes from, each in 0..1."""

    impact: Confidence
    confidence: Confidence
    persistence: Confidence


class Timeline(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Event times, ISO 8601 UTC. `onset_at`: the first strange window begins; `detected_at`: the evidence suffices."""

    onset_at: str
    first_symptom_at: str
    detected_at: str
    opened_at: str
    last_seen_at: str
    watermark_at: str
    resolved_at: str | None = None


class Correlation(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How the two tides met. `lag_s` is model onset minus infrastructure onset: positive means infrastructure led."""

    type: Literal["joined", "model_only", "infra_only"]
    rule: str
    key: str
    window_s: float
    n_model: int
    n_infra: int
    evidence_complete: bool
    lag_s: float | None = None
    lag_interval_s: tuple[float, float] | None = None
    strength: Confidence | None = None


class Candidate(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One suspect. `score` orders them; `confidence` is its share among all suspects; `argument` says why in words."""

    entity: str
    category: Category
    domain: Domain
    score: float
    confidence: Confidence
    argument: str
    signal: str | None = None
    onset_at: str | None = None
    anomaly_id: str | None = None


class RootCause(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The best suspect, and those behind it (`candidates`, best first, the best included)."""

    domain: Domain
    category: Category
    entity: str
    score: float
    confidence: Confidence
    method: str
    candidates: list[Candidate]
    signal: str | None = None


class Symptom(Struct, frozen=True):
    """The signal of the service that turned first."""

    signal: str
    entity: str
    at: str


class Impact(Struct, frozen=True):
    """Who is touched: the service and its callers."""

    services: list[str]


class Anomaly(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The strongest verdict of one detector on one signal during the incident."""

    anomaly_id: str
    stream: Stream
    detector: str
    entity: str
    score: float
    p_value: float
    onset_at: str
    signal: str | None = None
    observed: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    direction: str | None = None
    contributions: list[Contribution] = field(default_factory=list)


class RelatedChange(Struct, frozen=True):
    """A change on the service or one it depends on, near the onset."""

    service: str
    type: ChangeType
    ref: str
    timestamp: str


class Grouping(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Links to other incidents: `members` are callers whose trouble this incident explains."""

    members: list[str] = field(default_factory=list)
    merged_into: str | None = None
    previous_incident_id: str | None = None


class Provenance(Struct, frozen=True, kw_only=True):
    """What produced this revision: enough to produce it again."""

    job: str
    config_sha256: str
    artifacts: list[str]
    replay: bool


class IncidentData(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The `data` block, schema version 1."""

    incident_id: str
    revision: Annotated[int, Meta(ge=1)]
    dedup_key: str
    fingerprint: str
    status: IncidentStatus
    transition: Transition
    resolve_rule: ResolveRule
    severity: Severity
    severity_factors: SeverityFactors
    title: str
    summary: str
    entity: dict[str, str]
    timeline: Timeline
    correlation: Correlation
    root_cause: RootCause
    first_symptom: Symptom
    impact: Impact
    anomalies: list[Anomaly]
    anomalies_truncated: bool
    changes: list[RelatedChange]
    grouping: Grouping
    provenance: Provenance
    advice: str
    schema_version: Literal[1]
    supersedes: str | None = None


class IncidentEvent(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The CloudEvents 1.0 envelope (structured mode) of one revision."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    partitionkey: str
    correlationid: str
    causationid: str
    sequence: str
    severitynumber: int
    severitytext: str
    recordedtime: str
    data: IncidentData
    specversion: Literal["1.0"]
    datacontenttype: Literal["application/json"]
    dataschema: str
