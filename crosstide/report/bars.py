"""Truth, incidents and changes as bars on the time axis."""

from crosstide.report.bar_svg import Bar
from crosstide.report.truth import Told
from crosstide.report.words import clock, duration
from models.incident import IncidentData
from models.records import Change
from models.times import to_milliseconds


def service_of(incident: IncidentData) -> str:
    """Return whose incident it is."""
    return incident.entity.get("service.name", "")


def end_of(incident: IncidentData) -> int:
    """Return when it was resolved, or how far time had come without a resolution (epoch ms)."""
    timeline = incident.timeline
    return to_milliseconds(timeline.resolved_at or timeline.watermark_at)


def incident_bar(incident: IncidentData, label: str, linked: bool, *, member: bool = False) -> Bar:
    """Make the bar of an incident; `member`: on the row of a service that it explains without being its own.

    `linked`: it has a place on the page to go to.
    """
    start, opened = to_milliseconds(incident.timeline.onset_at), to_milliseconds(incident.timeline.opened_at)
    end = max(end_of(incident), opened)
    close = f"resolved {clock(end)}" if incident.timeline.resolved_at else "not resolved"
    note = f"{incident.title} ({incident.status}; onset {clock(start)}, opened {clock(opened)}, {close})"
    href = f"#{incident.incident_id}" if linked else ""
    if member:
        return Bar("member", f"({label})", f"({label}) of {service_of(incident)}", note, start, end, None, href)
    kind = "merged" if incident.status == "merged" else "incident"
    cause = f"{incident.root_cause.category.replace('_', ' ')} on {incident.root_cause.entity}"
    return Bar(kind, label, f"{label} {cause}", note, start, end, opened, href)


def truth_bar(told: Told) -> Bar:
    """Make the bar of a fault, a trap, or a fault from which nobody suffered; it leads to its row of the table."""
    fault = told.fault
    what, kind = ("trap, must stay quiet", "trap") if fault.trap else ("fault", "fault" if fault.counts else "harmless")
    hurt = "no effect on requests" if fault.effect_ms is None else f"effect from {clock(fault.effect_ms)}"
    lasts = duration((fault.end_ms - fault.start_ms) / 1000)
    where = f"{told.where}; " if told.where else ""
    note = f"{where}{what}; {clock(fault.start_ms)} for {lasts}; {hurt}"
    return Bar(kind, told.label, told.name, note, fault.start_ms, fault.end_ms, fault.effect_ms, f"#{told.label}")


def change_bar(change: Change) -> Bar:
    """Make the bar of a change, which takes no time."""
    at_ms = to_milliseconds(change.timestamp)
    name = f"{change.type.replace('_', ' ')} {change.ref}"
    return Bar("change", "", name, f"{change.service}, {clock(at_ms)}", at_ms, at_ms)
