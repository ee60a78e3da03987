"""Incidents, truth and changes as bars on the time axis."""

from collections.abc import Container, Sequence

from crosstide.report.chart import Bar
from crosstide.report.words import clock, duration
from crosstide.score_input import Fault
from models.incident import IncidentData
from models.records import Change
from models.times import to_milliseconds

Rows = list[tuple[str, list[Bar]]]


def rows(
    incidents: Sequence[IncidentData], faults: Sequence[Fault], changes: Sequence[Change], linked: Container[str]
) -> Rows:
    """Return the rows above the lanes; a row with nothing to show is left out, that of incidents never.

    `linked`: ids of the incidents that have a place on the page to go to.
    """
    found: Rows = [("incidents", [_incident(incident, incident.incident_id in linked) for incident in incidents])]
    if faults:
        found.insert(0, ("recorded truth", [_fault(fault) for fault in faults]))
    if changes:
        found.append(("changes", [_change(change) for change in changes]))
    return found


def end_of(incident: IncidentData) -> int:
    """Return when it was resolved, or how far time had come without a resolution (epoch ms)."""
    timeline = incident.timeline
    return to_milliseconds(timeline.resolved_at or timeline.watermark_at)


def _incident(incident: IncidentData, linked: bool) -> Bar:
    start, opened = to_milliseconds(incident.timeline.onset_at), to_milliseconds(incident.timeline.opened_at)
    end = max(end_of(incident), opened)
    close = f"resolved {clock(end)}" if incident.timeline.resolved_at else "not resolved"
    note = f"{incident.status}; onset {clock(start)}, opened {clock(opened)}, {close}"
    kind = "merged" if incident.status == "merged" else "incident"
    return Bar(kind, incident.title, note, start, end, opened, f"#{incident.incident_id}" if linked else "")


def _fault(fault: Fault) -> Bar:
    what = "trap (must stay quiet)" if fault.trap else "fault"
    hurt = "no request suffered" if fault.effect_ms is None else f"requests suffer from {clock(fault.effect_ms)}"
    note = f"{what}; {clock(fault.start_ms)} for {duration((fault.end_ms - fault.start_ms) / 1000)}; {hurt}"
    name = f"{fault.kind} (trap)" if fault.trap else fault.kind
    return Bar("trap" if fault.trap else "fault", name, note, fault.start_ms, fault.end_ms, fault.effect_ms)


def _change(change: Change) -> Bar:
    at_ms = to_milliseconds(change.timestamp)
    return Bar("change", f"{change.type} {change.ref}", f"{change.service}, {clock(at_ms)}", at_ms, at_ms)
