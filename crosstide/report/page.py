"""The page: everything read, chosen and drawn, then set into one HTML file that needs nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from crosstide.report import whole
from crosstide.report.bars import end_of, service_of
from crosstide.report.beside import Beside, Tie, set_beside
from crosstide.report.facts import accounting, facts, window_ms
from crosstide.report.near import Run, picture_of_fault, picture_of_incident
from crosstide.report.read import read_changes, read_revisions, read_series, read_summary
from crosstide.report.template import template
from crosstide.report.timeline import Moment, moments
from crosstide.report.truth import Told, read_told
from models.incident import IncidentData
from models.times import to_milliseconds

#: Incidents shown one by one, and rows of their table; a run with more says so.
MAX_DETAILS = 40
MAX_ROWS = 40
SEVERITIES = ("critical", "high", "warning", "info")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Detail:
    """One incident in full."""

    data: IncidentData
    label: str
    ties: list[Tie]
    moments: list[Moment]
    picture: Markup


def write_report(output_dir: Path, input_dir: Path, truth: Path | None) -> Path:
    """Write `report.html` into the output folder of a run and return its path.

    Reads incidents, scores and summary from `output_dir` (what is missing is left out), changes from `input_dir`, and
    the truth where one is given. Raises ScoreInputError for a file that is broken.
    """
    summary, series, revisions = read_summary(output_dir), read_series(output_dir), read_revisions(output_dir)
    window = window_ms(summary)
    beside = None if truth is None else set_beside(read_told(truth), output_dir / "incidents.jsonl", window)
    told = [] if beside is None else beside.told
    groups = {f"I{n}": group for n, group in enumerate(revisions, start=1)}
    newest = {label: group[-1] for label, group in groups.items()}
    shown = _shown(list(newest.values()), beside)
    run = Run(series, told, newest, read_changes(input_dir), shown, window)
    subjects, subjects_left_out = whole.subjects_of(series, told, list(newest.values()))
    page = template(_long(told, list(newest.values()))).render(
        facts=facts(summary),
        accounting=accounting(summary),
        window_s=window / 1000,
        beside=beside,
        incidents=newest,
        shown=shown,
        max_rows=MAX_ROWS,
        picture=whole.picture(run, subjects),
        subjects_left_out=subjects_left_out,
        details=[
            _detail(label, group, run, beside) for label, group in groups.items() if group[-1].incident_id in shown
        ],
        missed=_missed(run, beside),
        link=_links(newest, shown),
        service_of=service_of,
        end_of=end_of,
    )
    path = output_dir / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _shown(incidents: Sequence[IncidentData], beside: Beside | None) -> frozenset[str]:
    """Name the incidents shown one by one: those that found a fault, then the most severe."""
    found = {tie.incident_id for tie in beside.ties if tie.how == "found"} if beside else set()
    ranked = sorted(incidents, key=lambda i: (i.incident_id not in found, SEVERITIES.index(i.severity)))
    return frozenset(incident.incident_id for incident in ranked[:MAX_DETAILS])


def _long(told: Sequence[Told], incidents: Sequence[IncidentData]) -> bool:
    """Say whether a time of day alone would be ambiguous."""
    times = [at for one in told for at in (one.fault.start_ms, one.fault.end_ms)]
    times += [at for one in incidents for at in (to_milliseconds(one.timeline.onset_at), end_of(one))]
    return bool(times) and max(times) - min(times) >= DAY_MS


def _detail(label: str, revisions: list[IncidentData], run: Run, beside: Beside | None) -> Detail:
    newest = revisions[-1]
    ties = [] if beside is None else beside.of_incident(newest.incident_id)
    return Detail(newest, label, ties, moments(revisions, ties), picture_of_incident(run, newest))


def _missed(run: Run, beside: Beside | None) -> list[tuple[Told, Markup]]:
    """Draw the faults that nobody reported: what there was to see."""
    if beside is None:
        return []
    missed = [told for told in beside.told if beside.outcome(told.fault.id).outcome == "missed"]
    return [(told, picture_of_fault(run, told)) for told in missed[:MAX_DETAILS]]


def _links(newest: dict[str, IncidentData], shown: frozenset[str]) -> Callable[[str], Markup]:
    """Make what writes a link to an incident: its label; without a place on the page the label alone, else its id."""
    labels = {incident.incident_id: label for label, incident in newest.items()}

    def link(incident_id: str) -> Markup:
        label = labels.get(incident_id, incident_id)
        if incident_id not in shown:
            return Markup("<b>{}</b>").format(label)
        return Markup('<a class="ref" href="#{}">{}</a>').format(incident_id, label)

    return link
