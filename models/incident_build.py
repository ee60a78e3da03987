"""Writes one revision of an incident: the CloudEvents envelope and its `data`, from a case and its scene."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from models import wording
from models.cause import root_cause
from models.config import Pipeline
from models.correlate_state import Case
from models.incident import (
    Anomaly,
    Correlation,
    Grouping,
    Impact,
    IncidentData,
    IncidentEvent,
    IncidentStatus,
    Provenance,
    RelatedChange,
    ResolveRule,
    RootCause,
    SeverityFactors,
    Symptom,
    Timeline,
    Transition,
)
from models.scene import Scene
from models.severity import NUMBERS
from models.suspect import Suspect
from models.times import to_iso
from models.traces import Trace

DATA_SCHEMA = "/schemas/incident/v1"
Kind = Literal["opened", "updated", "resolved", "merged"]
_STATUS: dict[Kind, IncidentStatus] = {"opened": "open", "updated": "open", "resolved": "resolved", "merged": "merged"}


@dataclass(frozen=True)
class Revision:
    """What one revision says. `case` already counts it; `complete`: all telemetry is here and the join window over."""

    kind: Kind
    reason: str
    case: Case
    scene: Scene
    suspects: list[Suspect]
    factors: SeverityFactors
    end_ms: int
    recorded_ms: int
    complete: bool


def build(revision: Revision, config: Pipeline, provenance: Provenance) -> IncidentEvent:
    """Write the event; equal arguments give equal events."""
    case, outputs = revision.case, config.outputs
    best = root_cause(revision.suspects, revision.scene)
    anomalies = _anomalies(revision.scene)
    first = _first(revision.scene)
    return IncidentEvent(
        id=f"{case.incident_id}/{case.revision}",
        source=f"/{outputs.job}/{outputs.environment}",
        type=f"io.crosstide.incident.{revision.kind}.v1",
        subject=case.incident_id,
        time=to_iso(revision.end_ms),
        partitionkey=revision.scene.service,
        correlationid=case.incident_id,
        causationid=case.incident_id if first is None else revision.scene.anomaly_id(first),
        sequence=f"{case.revision:08d}",
        severitynumber=NUMBERS[case.severity],
        severitytext=case.severity,
        recordedtime=to_iso(revision.recorded_ms),
        data=_data(revision, config, provenance, best, anomalies),
        specversion="1.0",
        datacontenttype="application/json",
        dataschema=DATA_SCHEMA,
    )


def _data(
    revision: Revision, config: Pipeline, provenance: Provenance, best: RootCause, anomalies: list[Anomaly]
) -> IncidentData:
    case, scene, outputs = revision.case, revision.scene, config.outputs
    status = _STATUS[revision.kind]
    before: IncidentStatus | None = None if revision.kind == "opened" else "open"
    key = f"{scene.service}|{outputs.environment}|{case.rule}"
    return IncidentData(
        incident_id=case.incident_id,
        revision=case.revision,
        dedup_key=case.incident_id,
        fingerprint=sha256(key.encode()).hexdigest(),
        status=status,
        transition=Transition(to=status, reason=revision.reason, from_=before),
        resolve_rule=ResolveRule("all_clear", config.clearing.after / 1000),
        severity=case.severity,
        severity_factors=revision.factors,
        title=wording.title(scene, revision.suspects[0]),
        summary=wording.summary(scene, revision.suspects, case.members),
        entity={"service.name": scene.service, "deployment.environment.name": outputs.environment},
        timeline=_timeline(revision),
        correlation=_correlation(revision, best),
        root_cause=best,
        first_symptom=_symptom(scene),
        impact=Impact([scene.service, *(name for name in case.touched if name != scene.service)]),
        anomalies=anomalies[: outputs.max_anomalies],
        anomalies_truncated=len(anomalies) > outputs.max_anomalies,
        changes=[
            RelatedChange(one.subject.removeprefix("service/"), one.type, one.ref, to_iso(one.timestamp_ms))
            for one in scene.changes
        ],
        grouping=Grouping(
            members=list(case.members), merged_into=case.merged_into, previous_incident_id=case.previous_id
        ),
        provenance=provenance,
        advice=wording.advice(revision.suspects[0]),
        schema_version=1,
        supersedes=f"{case.incident_id}/{case.revision - 1}" if case.revision > 1 else None,
    )


def _timeline(revision: Revision) -> Timeline:
    case, first = revision.case, _first(revision.scene)
    return Timeline(
        onset_at=to_iso(case.onset_ms),
        first_symptom_at=to_iso(case.onset_ms if first is None else max(case.onset_ms, first.onset_ms)),
        detected_at=to_iso(case.detected_ms),
        opened_at=to_iso(case.opened_ms),
        last_seen_at=to_iso(case.last_seen_ms),
        watermark_at=to_iso(revision.end_ms),
        resolved_at=to_iso(revision.end_ms) if revision.kind == "resolved" else None,
    )


def _correlation(revision: Revision, best: RootCause) -> Correlation:
    case, scene = revision.case, revision.scene
    own = [trace for trace in scene.traces if trace.relation in ("self", "carrier")]
    infra = [trace for trace in own if trace.stream == "infra"]
    lag_s = None if case.joined != "joined" else (case.onset_ms - _leader(infra, best).onset_ms) / 1000
    window_s = scene.window_ms / 1000
    return Correlation(
        type=case.joined,
        rule=case.rule,
        key="service.name",
        window_s=(scene.join.infra_leads + scene.join.infra_lags) / 1000,
        n_model=len(own) - len(infra),
        n_infra=len(infra),
        evidence_complete=revision.complete,
        lag_s=lag_s,
        lag_interval_s=None if lag_s is None else (lag_s - window_s, lag_s + window_s),
        strength=round(max((s.score for s in revision.suspects if s.domain == "infra"), default=0.0), 4),
    )


def _leader(infra: list[Trace], best: RootCause) -> Trace:
    """Return the machine signal that the lag is measured from: the cause's, else the strongest."""
    blamed = [trace for trace in infra if trace.subject == best.entity and trace.named == best.signal]
    return min(blamed or infra, key=lambda trace: (-trace.peak.score, trace.key))


def _first(scene: Scene) -> Trace | None:
    """Return the symptom that turned first (of equals the strongest); without any, the machine signal that did."""
    shown = scene.symptoms or scene.facts or scene.machines
    return min(shown, key=lambda t: (max(t.onset_ms, scene.onset_ms), -t.peak.score, t.key), default=None)


def _symptom(scene: Scene) -> Symptom:
    trace = _first(scene)
    if trace is None:
        return Symptom("fused", scene.entity, to_iso(scene.onset_ms))
    return Symptom(trace.named or trace.detector, trace.subject, to_iso(max(trace.onset_ms, scene.onset_ms)))


def _anomalies(scene: Scene) -> list[Anomaly]:
    """List the anomalies, strongest first; callers' trouble is in `grouping`, not here."""
    traces = [trace for trace in scene.traces if trace.relation != "caller"]
    return [
        Anomaly(
            anomaly_id=scene.anomaly_id(trace),
            stream=trace.stream,
            detector=trace.detector,
            entity=trace.subject,
            score=trace.peak.score,
            p_value=trace.peak.p_value,
            onset_at=to_iso(trace.onset_ms),
            signal=trace.signal,
            observed=trace.peak.observed,
            expected=trace.peak.expected,
            lower=trace.peak.lower,
            upper=trace.peak.upper,
            direction=trace.peak.direction,
            contributions=list(trace.peak.contributions),
        )
        for trace in sorted(traces, key=lambda trace: (-trace.peak.score, trace.key))
    ]
