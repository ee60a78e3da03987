"""Which series are drawn: for an incident those that it speaks of, around a fault those that were strangest."""

from collections.abc import Container, Iterable, Iterator, Mapping

from crosstide.report.bars import service_of
from crosstide.report.read import LaneKey, Series
from models.incident import IncidentData

MAX_LANES = 6
#: Suspects whose signal is drawn.
SUSPECTS = 2
#: Symptoms of the service drawn before the machines.
SYMPTOMS = 3

AllSeries = Mapping[LaneKey, Series]


def of_incident(series: AllSeries, incident: IncidentData, limit: int = MAX_LANES) -> list[LaneKey]:
    """Choose the score of its service, its first and strongest symptoms, the suspects' signals, the strongest others.

    Of signals that say nearly the same (quantiles of one latency, readings of one core) one is drawn.
    """
    kept = _distinct((key for pair in _spoken(incident) for key in _found(series, pair)), limit)
    own = f"service/{service_of(incident)}"
    return sorted(kept, key=lambda key: (key.stream != "model", key.subject != own, key.subject, bool(key.signal)))


def around(series: AllSeries, subjects: Container[str], span: tuple[int, int], limit: int = MAX_LANES) -> list[LaneKey]:
    """Choose the scores of the subjects, then their strangest signals in a span of time (epoch ms)."""
    peaks = {
        key: max((p.score for p in one.thinned.points() if span[0] <= p.at_ms <= span[1]), default=-1.0)
        for key, one in series.items()
        if key.subject in subjects
    }
    fused = [key for key in sorted(peaks, key=lambda key: (-peaks[key], key)) if not key.signal]
    # at least half of the lanes show signals: scores alone do not say what happened
    signals = [key for key in sorted(peaks, key=lambda key: (-peaks[key], key)) if key.signal and peaks[key] >= 0]
    kept = _distinct(fused[: limit // 2], limit)
    kept += _distinct(signals, limit - len(kept))
    return sorted(kept, key=lambda key: (key.stream != "model", key.subject, bool(key.signal)))


def _spoken(incident: IncidentData) -> Iterator[tuple[str, str]]:
    """Name (subject, signal) pairs in the order of their worth; no signal: the score."""
    own = f"service/{service_of(incident)}"
    strongest = sorted(incident.anomalies, key=lambda one: -one.score)
    yield own, ""
    yield incident.first_symptom.entity, incident.first_symptom.signal
    # evidence of a service that is neither hurt nor blamed is told in the table, and drawn last
    concerned = {own, *(f"service/{name}" for name in incident.grouping.members)}
    concerned |= {suspect.entity for suspect in incident.root_cause.candidates[:SUSPECTS]}
    symptoms: dict[tuple[str, str], tuple[str, str]] = {}
    for one in sorted(strongest, key=lambda one: one.entity not in concerned):
        if one.stream == "model" and one.signal:
            symptoms.setdefault((one.entity, _stem(one.signal)), (one.entity, one.signal))
    model = list(symptoms.values())
    near = [pair for pair in model if pair[0] in concerned][:SYMPTOMS]
    yield from near
    for suspect in incident.root_cause.candidates[:SUSPECTS]:
        if suspect.signal:
            yield suspect.entity, suspect.signal
    if incident.root_cause.entity != own:
        yield incident.root_cause.entity, ""
    yield from ((one.entity, one.signal) for one in strongest if one.stream == "infra" and one.signal)
    yield from (pair for pair in model if pair not in near)


def _found(series: AllSeries, pair: tuple[str, str]) -> Iterator[LaneKey]:
    """Name the series of a pair: that of the models, else that of the machines."""
    keys = (LaneKey(stream, *pair) for stream in ("model", "infra"))
    yield from [key for key in keys if key in series][:1]


def _distinct(keys: Iterable[LaneKey], limit: int) -> list[LaneKey]:
    kept: dict[tuple[str, str, str], LaneKey] = {}
    for key in keys:
        if len(kept) < limit:
            kept.setdefault((key.stream, key.subject, _stem(key.signal)), key)
    return list(kept.values())


def _stem(signal: str) -> str:
    """Cut the last part off a name: what is left is shared by signals that say nearly the same."""
    return signal.rpartition(".")[0] or signal
