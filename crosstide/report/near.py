"""A run as it is drawn, and its pictures from near: each incident and each fault with its signals, and time around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from crosstide.report import lanes
from crosstide.report.bar_svg import Bar, BarRow, Span
from crosstide.report.bars import change_bar, end_of, incident_bar, truth_bar
from crosstide.report.chart import Item, chart
from crosstide.report.lane_svg import Lane, Line
from crosstide.report.read import LaneKey, Series
from crosstide.report.truth import Told
from models.incident import IncidentData
from models.records import Change
from models.symptoms import say
from models.times import to_milliseconds

#: Windows shown on each side, at least.
ROOM = 6


@dataclass(frozen=True)
class Run:
    """All that charts show. `incidents` by their label (`I1`); `linked`: ids of those with a place on the page."""

    series: Mapping[LaneKey, Series]
    told: Sequence[Told]
    incidents: Mapping[str, IncidentData]
    changes: Sequence[Change]
    linked: frozenset[str]
    window_ms: int

    def bar(self, label: str, *, member: bool = False) -> Bar:
        """Make the bar of an incident; see `incident_bar`."""
        incident = self.incidents[label]
        return incident_bar(incident, label, incident.incident_id in self.linked, member=member)

    def line(self, key: LaneKey) -> Line:
        """Make the line of a series."""
        return Line(f"{key.subject} · {key.signal or score_words(key)}", key.stream, self.series[key].thinned.points())

    def change_row(self, gap: int = 0) -> BarRow:
        """Make the row of all changes."""
        return BarRow("changes", [change_bar(change) for change in self.changes], gap)


def score_words(key: LaneKey) -> str:
    """Name the score of a subject by its stream."""
    return "model score" if key.stream == "model" else "infrastructure score"


def picture_of_incident(run: Run, incident: IncidentData) -> Markup:
    """Draw an incident with the series that it speaks of."""
    span = (to_milliseconds(incident.timeline.onset_at), end_of(incident))
    keys = lanes.of_incident(run.series, incident)
    return _near(run, keys, span, f"Around: {incident.title}", f"z-{incident.incident_id}")


def picture_of_fault(run: Run, told: Told) -> Markup:
    """Draw a fault with the strangest series of where it was and of whom it may hurt."""
    span = (told.fault.start_ms, told.fault.over_ms)
    subjects = {*told.places, *(f"service/{name}" for name in told.reach)}
    keys = lanes.around(run.series, subjects, (span[0], span[1] + run.window_ms))
    return _near(run, keys, span, f"Around: {told.name}", f"z-{told.label}")


def _near(run: Run, keys: Sequence[LaneKey], span: Span, title: str, ident: str) -> Markup:
    room = max(ROOM * run.window_ms, (span[1] - span[0]) // 2)
    items: list[Item] = [
        BarRow("what was done", [truth_bar(told) for told in run.told]),
        BarRow("incidents", [run.bar(label) for label in run.incidents]),
        run.change_row(),
    ]
    for key in keys:
        label = say(key.signal) if key.signal else score_words(key)
        items.append(Lane(key.subject, label, not key.signal, [run.line(key)]))
    return chart(items, (span[0] - room, span[1] + room), title, ident)
