"""An incident as bytes that every broker takes: what is too long is shortened, and says so.

Callers, changes and suspects come from the topology, whose size has no limit; a record over the broker's limit would
fail the job again and again, and with it every other incident.
"""

import msgspec
from msgspec.structs import replace

from models.incident import IncidentData, IncidentEvent, RootCause

#: Bytes: under Kafka's default of 1 MiB, with room for the key and the head of a batch.
LIMIT = 900_000
#: Entries that each list may keep, tried in turn.
KEPT = (1000, 100, 20, 5, 1)
LETTERS = 4000


def encoded(event: IncidentEvent, limit: int = LIMIT) -> bytes:
    """Encode as JSON; one of more than `limit` bytes loses the ends of its lists and texts until it fits.

    The summary then says how many services are touched in all, and `anomalies_truncated` is true.
    """
    data = msgspec.json.encode(event)
    if len(data) <= limit:
        return data
    touched = len(event.data.impact.services)
    summary = f"{event.data.summary[:LETTERS]} (shortened: {touched} services are touched in all)"
    for kept in KEPT:
        data = msgspec.json.encode(replace(event, data=_cut(event.data, summary, kept)))
        if len(data) <= limit:
            break
    return data


def _cut(data: IncidentData, summary: str, kept: int) -> IncidentData:
    anomalies = [replace(one, contributions=one.contributions[:kept]) for one in data.anomalies[:kept]]
    return replace(
        data,
        title=data.title[:LETTERS],
        summary=summary,
        anomalies=anomalies,
        anomalies_truncated=True,
        changes=data.changes[:kept],
        impact=replace(data.impact, services=data.impact.services[:kept]),
        grouping=replace(data.grouping, members=data.grouping.members[:kept]),
        root_cause=_cut_cause(data.root_cause, kept),
    )


def _cut_cause(cause: RootCause, kept: int) -> RootCause:
    candidates = [replace(one, argument=one.argument[:LETTERS]) for one in cause.candidates[:kept]]
    return replace(cause, candidates=candidates)
