"""Which series are drawn: those that the incidents speak of first, then the strangest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crosstide.report.read import LaneKey, Series
from models.incident import IncidentData

MAX_LANES = 12
PER_SUBJECT = 4
#: The first tier of lanes that no incident speaks of.
OTHERS = 4
#: Signals that a person asks for first.
KEY_SIGNALS = ("latency_ms.p95", "confidence.mean", "error_rate", "rate", "node.cpu.utilization")


@dataclass(frozen=True)
class Chosen:
    """The lanes drawn, in their order on the page, and how many were left out."""

    keys: list[LaneKey]
    left_out: int


def choose(
    series: Mapping[LaneKey, Series], incidents: Iterable[IncidentData], limit: int = MAX_LANES, *, only: bool = False
) -> Chosen:
    """Choose at most `limit` lanes: a few signals of each subject, grouped under its fused score.

    `only`: those that the incidents speak of, and no others.
    """
    spoken = {pair for incident in incidents for pair in _spoken(incident)}
    subjects = {subject for subject, _ in spoken}
    tiers = {key: _tier(key, subjects, spoken) for key in series}
    kept: list[LaneKey] = []
    for key in sorted(series, key=lambda key: (tiers[key], -series[key].peak, key)):
        same = sum(other.subject == key.subject and bool(other.signal) for other in kept)
        wanted = not only or tiers[key] < OTHERS
        if len(kept) < limit and wanted and (not key.signal or same < PER_SUBJECT):
            kept.append(key)
    kept.sort(key=lambda key: (key.stream != "model", key.subject not in subjects, *_place(key)))
    return Chosen(kept, len(series) - len(kept))


def _spoken(incident: IncidentData) -> Iterable[tuple[str, str]]:
    """Name the (subject, signal) pairs of an incident: its service, its first suspects, its anomalies."""
    yield from ((f"service/{name}", "") for name in incident.impact.services[:1])
    yield from ((candidate.entity, candidate.signal or "") for candidate in incident.root_cause.candidates[:3])
    yield from ((anomaly.entity, anomaly.signal or "") for anomaly in incident.anomalies)


def _tier(key: LaneKey, subjects: set[str], spoken: set[tuple[str, str]]) -> int:
    if key.subject in subjects and not key.signal:
        return 0
    if (key.subject, key.signal) in spoken:
        return 1 if key.signal in KEY_SIGNALS else 2
    if key.subject in subjects and key.signal in KEY_SIGNALS:
        return 3
    if not key.signal:
        return OTHERS
    return OTHERS + (1 if key.signal in KEY_SIGNALS else 2)


def _place(key: LaneKey) -> tuple[str, int, str]:
    """Order on the page within a stream: by subject, the fused score first, then the well-known signals."""
    known = KEY_SIGNALS.index(key.signal) if key.signal in KEY_SIGNALS else len(KEY_SIGNALS)
    return (key.subject, known if key.signal else -1, key.signal)
