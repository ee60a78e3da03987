"""The pipeline's own incidents held against a recording's truth, by the rules of `crosstide score`."""

from collections.abc import Sequence

from bench.lab_counts import Counts, Row
from bench.lab_truth import Truth, outcome
from crosstide.score import FaultVerdict, Scorecard, score
from crosstide.score_input import Fault, Incident, incidents_of
from models.incident import IncidentEvent


def judge_incidents(truth: Truth, events: Sequence[IncidentEvent]) -> Counts:
    """Score the revisions that a backtest wrote."""
    incidents = incidents_of(events)
    card = score(incidents, truth.faults, truth.window_ms)
    found = card.recall.hits
    by_id = {incident.id: incident for incident in incidents}
    verdicts = {verdict.id: verdict for verdict in card.faults}
    return Counts(
        faults=card.recall.n,
        found=found,
        right=card.precision.hits,
        judged=card.precision.n,
        hit_1=card.hit_1.hits,
        hit_3=card.hit_3.hits,
        chance_1=(card.chance_1 or 0.0) * found,
        chance_3=(card.chance_3 or 0.0) * found,
        delays=tuple(w for v in card.faults if (w := _windows(v, truth)) is not None),
        on_traps=card.on_traps,
        traps=card.traps,
        service_days=truth.service_days,
        without_effect=card.harmless,
        alerts=len({event.data.incident_id for event in events}),
        rows=tuple(_row(truth, fault, verdicts[fault.id], by_id) for fault in truth.faults),
        false=_false(truth, card, by_id, events),
    )


def _windows(verdict: FaultVerdict, truth: Truth) -> float | None:
    return None if verdict.time_to_detect_s is None else verdict.time_to_detect_s * 1000 / truth.window_ms


def _row(truth: Truth, fault: Fault, verdict: FaultVerdict, by_id: dict[str, Incident]) -> Row:
    incident = by_id.get(verdict.incident_id or "")
    said = outcome(
        verdict.outcome == "found" if fault.counts else None,
        _windows(verdict, truth),
        incident.causes[0] if incident is not None else None,
        verdict.hit_1,
        verdict.hit_3,
    )
    return truth.row(fault, {**said, "outcome": verdict.outcome, "shared": verdict.shared})


def _false(
    truth: Truth, card: Scorecard, by_id: dict[str, Incident], events: Sequence[IncidentEvent]
) -> tuple[Row, ...]:
    newest = {event.data.incident_id: event.data for event in sorted(events, key=lambda e: e.data.revision)}
    return tuple(
        {
            "recording": truth.recording,
            "id": verdict.id,
            "onset_at": newest[verdict.id].timeline.onset_at,
            "why": verdict.reason,
            "title": newest[verdict.id].title,
            "cause": " on ".join(reversed(by_id[verdict.id].causes[0])),
        }
        for verdict in card.incidents
        if verdict.fault_id is None and not verdict.neutral
    )
