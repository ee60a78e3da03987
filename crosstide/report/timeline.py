"""The moments of one incident in order: what was done, what turned strange, what was decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from crosstide.report.beside import Tie
from models.incident import IncidentData
from models.times import to_milliseconds

#: Changes of an open incident that are listed.
MAX_UPDATES = 8


@dataclass(frozen=True)
class Moment:
    """When (epoch ms), what, and whether the truth or the incident says so."""

    at_ms: int
    words: str
    source: Literal["truth", "incident"] = "incident"


def moments(revisions: Sequence[IncidentData], ties: Sequence[Tie]) -> list[Moment]:
    """Return the moments by time; those of the truth are of the faults and traps that the incident is tied to."""
    told = [moment for tie in ties for moment in _done(tie)]
    return sorted([*told, *_seen(revisions)], key=lambda moment: moment.at_ms)


def _done(tie: Tie) -> Iterator[Moment]:
    told, fault = tie.told, tie.told.fault
    yield Moment(fault.start_ms, f"{told.placed} begins", "truth")
    if fault.effect_ms is not None:
        yield Moment(fault.effect_ms, f"{told.label}: its effect begins", "truth")
    yield Moment(fault.end_ms, f"{told.label} ends", "truth")
    if fault.recovered_ms is not None and fault.recovered_ms > fault.end_ms:
        yield Moment(fault.recovered_ms, f"{told.label}: its effect is over", "truth")


def _seen(revisions: Sequence[IncidentData]) -> Iterator[Moment]:
    newest = revisions[-1]
    timeline, first, cause = newest.timeline, newest.first_symptom, newest.root_cause.candidates[:1]
    for suspect in cause:
        if suspect.onset_at is not None:
            what = f"{suspect.entity}, named as the cause, turns strange"
            if suspect.domain == "change":
                what = f"the change of {suspect.entity}, named as the cause"
            yield Moment(to_milliseconds(suspect.onset_at), what)
    yield Moment(to_milliseconds(timeline.onset_at), "onset: the first strange window begins")
    yield Moment(to_milliseconds(timeline.first_symptom_at), f"first symptom: {first.signal} of {first.entity}")
    yield Moment(to_milliseconds(timeline.detected_at), "detected: the evidence suffices")
    yield Moment(to_milliseconds(timeline.opened_at), f"opened: {revisions[0].transition.reason}")
    updates = [one for one in revisions[1:] if one.transition.to == "open"]
    for one in updates[:MAX_UPDATES]:
        yield Moment(to_milliseconds(one.timeline.watermark_at), f"revision {one.revision}: {one.transition.reason}")
    if timeline.resolved_at is not None:
        yield Moment(to_milliseconds(timeline.resolved_at), f"{newest.status}: {newest.transition.reason}")
    elif newest.status == "open":
        yield Moment(to_milliseconds(timeline.watermark_at), "last written; not resolved when the data ends")
    else:
        yield Moment(to_milliseconds(timeline.watermark_at), f"{newest.status}: {newest.transition.reason}")
