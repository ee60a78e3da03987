"""The page: everything read, chosen and drawn, then set into one HTML file that needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from crosstide.report.bars import Rows, end_of, rows
from crosstide.report.chart import chart
from crosstide.report.facts import accounting, facts, window_ms
from crosstide.report.lane_svg import Lane
from crosstide.report.lanes import Chosen, choose
from crosstide.report.read import LaneKey, Series, read_changes, read_revisions, read_series, read_summary
from crosstide.report.template import template
from crosstide.score import Scorecard, score_run
from crosstide.score_input import read_truth
from models.incident import IncidentData
from models.times import to_milliseconds

#: Incidents shown one by one; a run with more says so and lists the others in the table alone.
MAX_DETAILS = 40
ZOOM_LANES = 6
#: Rows of false incidents, or of incidents without a truth, in the table.
MAX_ROWS = 40
SEVERITIES = ("critical", "high", "warning", "info")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Detail:
    """One incident with its revisions, and the lanes that it speaks of around its time."""

    data: IncidentData
    revisions: list[IncidentData]
    picture: Markup


def write_report(output_dir: Path, input_dir: Path, truth: Path | None) -> Path:
    """Write `report.html` into the output folder of a run and return its path.

    Reads incidents, scores and summary from `output_dir` (what is missing is left out), changes from `input_dir`, and
    the truth where one is given. Raises ScoreInputError for a file that is broken.
    """
    summary, series = read_summary(output_dir), read_series(output_dir)
    revisions = read_revisions(output_dir)
    newest = [group[-1] for group in revisions]
    faults = [] if truth is None else read_truth(truth)
    window = window_ms(summary)
    chosen = choose(series, newest)
    card = _card(output_dir, truth, window)
    shown = _shown(newest, card)
    bars = rows(newest, faults, read_changes(input_dir), shown)
    page = template(_long(bars)).render(
        facts=facts(summary),
        accounting=accounting(summary),
        incidents=newest,
        card=card,
        shown=shown,
        faults={fault.id: fault for fault in faults},
        by_id={incident.incident_id: incident for incident in newest},
        chosen=chosen,
        series=series,
        overview=_overview(bars, chosen, series, window),
        details=[_detail(group, bars, series, window) for group in revisions if group[-1].incident_id in shown],
        left_out=len(revisions) - len(shown),
        max_rows=MAX_ROWS,
        lane_name=_name,
    )
    path = output_dir / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _card(output_dir: Path, truth: Path | None, window: int) -> Scorecard | None:
    incidents = output_dir / "incidents.jsonl"
    return None if truth is None or not incidents.is_file() else score_run(incidents, truth, window)


def _shown(incidents: list[IncidentData], card: Scorecard | None) -> set[str]:
    """Name the incidents shown one by one: those that found a fault, then the most severe."""
    found = set() if card is None else {fault.incident_id for fault in card.faults}
    ranked = sorted(incidents, key=lambda i: (i.incident_id not in found, SEVERITIES.index(i.severity)))
    return {incident.incident_id for incident in ranked[:MAX_DETAILS]}


def _long(bars: Rows) -> bool:
    """Say whether a time of day alone would be ambiguous."""
    times = [at for _, line in bars for bar in line for at in (bar.start_ms, bar.end_ms)]
    return bool(times) and max(times) - min(times) >= DAY_MS


def _overview(bars: Rows, chosen: Chosen, series: Mapping[LaneKey, Series], window: int) -> Markup:
    lanes = [_lane(key, series) for key in chosen.keys]
    times = [p.at_ms for lane in lanes for p in lane.points] + [
        at for _, line in bars for bar in line for at in (bar.start_ms, bar.end_ms)
    ]
    if not times:
        return Markup("")
    title = "Recorded truth, incidents, changes and signals on one time axis"
    return chart(bars, lanes, (min(times), max(times) + window), title, "overview")


def _detail(revisions: list[IncidentData], bars: Rows, series: Mapping[LaneKey, Series], window: int) -> Detail:
    incident = revisions[-1]
    lanes = [_lane(key, series) for key in choose(series, [incident], ZOOM_LANES, only=True).keys]
    start, end = to_milliseconds(incident.timeline.onset_at), end_of(incident)
    room = max(6 * window, (end - start) // 2)
    picture = chart(bars, lanes, (start - room, end + room), f"Around: {incident.title}", f"z-{incident.incident_id}")
    return Detail(incident, revisions, picture)


def _lane(key: LaneKey, series: Mapping[LaneKey, Series]) -> Lane:
    return Lane(_name(key), key.stream, not key.signal, series[key].thinned.points())


def _name(key: LaneKey) -> str:
    what = key.signal or ("model score" if key.stream == "model" else "infrastructure score")
    return f"{key.subject} · {what}"
