"""The picture of the whole run: a block for each service and node, with what was done, seen and reported there."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from crosstide.report.bar_svg import BarRow, Span
from crosstide.report.bars import service_of, truth_bar
from crosstide.report.chart import Item, chart
from crosstide.report.lane_svg import Lane
from crosstide.report.near import Run
from crosstide.report.read import LaneKey, Series
from crosstide.report.truth import Told
from models.incident import IncidentData

#: Services and nodes with a block of their own.
MAX_SUBJECTS = 14
STRIP, BLOCK_GAP, LEAST_CEILING = 32, 16, 3.0
_STREAMS = {"model": "models", "infra": "infrastructure"}


def subjects_of(
    series: Mapping[LaneKey, Series], told: Sequence[Told], incidents: Sequence[IncidentData]
) -> tuple[list[str], int]:
    """Choose who has a block: those of the truth and of the incidents, then the strangest; services before nodes.

    Returns their names (`kind/name`), and how many were left out.
    """
    named = {place for one in told for place in one.places}
    named |= {f"service/{name}" for one in incidents for name in (service_of(one), *one.grouping.members)}
    peaks = dict.fromkeys(named, 0.0)
    for key, entry in series.items():
        if not key.signal:
            peaks[key.subject] = max(peaks.get(key.subject, 0.0), entry.peak)
    ranked = sorted(peaks, key=lambda subject: (subject not in named, -peaks[subject], subject))
    kept = sorted(ranked[:MAX_SUBJECTS], key=lambda subject: (not subject.startswith("service/"), subject))
    return kept, len(ranked) - len(kept)


def picture(run: Run, subjects: Sequence[str]) -> Markup:
    """Draw the run, a block for each subject, on one scale of scores; empty where there is nothing at all."""
    ceiling = max([LEAST_CEILING, *(run.series[key].peak for key in _scores(run, subjects))])
    items = [item for subject in subjects for item in _block(run, subject, ceiling)]
    drawn = set(subjects)
    items.append(BarRow("elsewhere", [truth_bar(one) for one in run.told if drawn.isdisjoint(one.places)], BLOCK_GAP))
    others = [label for label, one in run.incidents.items() if f"service/{service_of(one)}" not in drawn]
    items.append(BarRow("other services", [run.bar(label) for label in others], BLOCK_GAP))
    items.append(run.change_row(BLOCK_GAP))
    span = _span(items, run.window_ms)
    title = "The whole run: what was done, how strange each service and node was, and what was reported"
    return Markup("") if span is None else chart(items, span, title, "whole", frozenset({"fault", "change"}))


def _block(run: Run, subject: str, ceiling: float) -> list[Item]:
    """Draw what was done to a subject, how strange it was, and the incidents that are its own or explain it."""
    done = [truth_bar(told) for told in run.told if subject in told.places]
    lines = [run.line(key) for key in _scores(run, [subject])]
    label = " + ".join(_STREAMS[line.stream] for line in lines) or "nothing was judged"
    name = subject.removeprefix("service/")
    reported = [
        run.bar(one, member=service_of(incident) != name)
        for one, incident in run.incidents.items()
        if subject.startswith("service/") and name in (service_of(incident), *incident.grouping.members)
    ]
    strip = Lane(subject, label, True, lines, STRIP, 2 if done else BLOCK_GAP, ceiling)
    return [BarRow("what was done", done, BLOCK_GAP), strip, BarRow("incidents", reported, 2)]


def _scores(run: Run, subjects: Sequence[str]) -> list[LaneKey]:
    keys = (LaneKey(stream, subject) for subject in subjects for stream in _STREAMS)
    return [key for key in keys if key in run.series]


def _span(items: Sequence[Item], window_ms: int) -> Span | None:
    bars = [bar for item in items if isinstance(item, BarRow) for bar in item.bars]
    points = [p for item in items if isinstance(item, Lane) for line in item.lines for p in line.points]
    times = [at for bar in bars for at in (bar.start_ms, bar.end_ms)] + [point.at_ms for point in points]
    return (min(times), max(times) + window_ms) if times else None
