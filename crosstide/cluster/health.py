"""How a job is: from Flink's REST interface, the consumer group, and the topics that the job writes about itself."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from crosstide.cluster.lag import reading_or_none
from crosstide.cluster.ledger import Ledger
from crosstide.cluster.rest import Rest
from udfs.metrics import Name

#: How operators that keep state are called (`jobs/stages.py`); event time is read where everything comes together.
LAST = "correlate by service"


@dataclass(frozen=True)
class Health:
    """One look at a running job. Durations in seconds, times in epoch seconds; None is not known.

    `gauges`: (metric, labels) -> value; `state_bytes`: operator -> size of its state in the newest checkpoint.
    """

    job_id: str
    name: str
    state: str
    uptime_s: float
    restarts: int
    checkpoint_age_s: float | None = None
    checkpoint_s: float | None = None
    checkpoints_failed: int = 0
    watermark_s: float | None = None
    lag: dict[str, int] | None = None
    read: dict[str, int] = field(default_factory=dict)
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    open_incidents: int = 0
    gauges: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    state_bytes: dict[str, int] = field(default_factory=dict)

    def gauge(self, name: Name) -> int:
        """Return the sum of a gauge over its labels."""
        return int(sum(value for (found, _), value in self.gauges.items() if found == name))


def look(rest: Rest, job_id: str, bootstrap: str, group: str, ledger: Ledger) -> Health:
    """Look at a job. Raises ClusterError when Flink does not answer."""
    job = rest.get(f"/jobs/{job_id}")
    vertices: list[dict[str, Any]] = job["vertices"]
    checkpoints, now = rest.get(f"/jobs/{job_id}/checkpoints"), time.time()
    completed = (checkpoints.get("latest") or {}).get("completed")
    ledger.catch_up()
    reading = reading_or_none(bootstrap, group)
    return Health(
        job_id=job_id,
        name=str(job["name"]),
        state=str(job["state"]),
        uptime_s=max(0.0, now - job["timestamps"]["RUNNING"] / 1000) if job["state"] == "RUNNING" else 0.0,
        restarts=rest.restarts(job_id),
        checkpoint_age_s=None if completed is None else now - completed["latest_ack_timestamp"] / 1000,
        checkpoint_s=None if completed is None else completed["end_to_end_duration"] / 1000,
        checkpoints_failed=int(checkpoints["counts"]["failed"]),
        watermark_s=_watermark(rest, job_id, vertices),
        lag=None if reading is None else {topic: behind for topic, (_, behind) in reading.items()},
        read={topic: read for topic, (read, _) in (reading or {}).items()},
        totals=ledger.totals(),
        open_incidents=ledger.open_incidents,
        gauges=_gauges(rest, job_id, vertices),
        state_bytes={} if completed is None else _state_bytes(rest, job_id, str(completed["id"]), vertices),
    )


def _watermark(rest: Rest, job_id: str, vertices: Iterable[dict[str, Any]]) -> float | None:
    """Return the event time that the last stage has reached."""
    for vertex in vertices:
        if LAST in vertex["name"]:
            told = [int(one["value"]) for one in rest.get(f"/jobs/{job_id}/vertices/{vertex['id']}/watermarks")]
            return min(told) / 1000 if told and min(told) > 0 else None
    return None


def _gauges(
    rest: Rest, job_id: str, vertices: Iterable[dict[str, Any]]
) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Sum our own metrics over subtasks and operators."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for vertex in vertices:
        path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/metrics"
        ours = [name for name in rest.metric_names(path) if name.rpartition(".")[2] in get_args(Name)]
        for name, value in (rest.metrics(path, ours, "sum") if ours else {}).items():
            key = (name.rpartition(".")[2], labels_of(name))
            found[key] = found.get(key, 0.0) + value
    return found


def labels_of(name: str) -> tuple[tuple[str, str], ...]:
    """Return the labels in a metric's full name, which ends in pairs of label and value before the metric's own.

    >>> labels_of("score_model_windows.stream.model.tracked_services")
    (('stream', 'model'),)
    """
    parts = name.split(".")[:-1]
    known = ("stream", "transition", "severity")
    return tuple((label, parts[at + 1]) for at, label in enumerate(parts[:-1]) if label in known)


def _state_bytes(rest: Rest, job_id: str, number: str, vertices: Iterable[dict[str, Any]]) -> dict[str, int]:
    tasks = rest.get(f"/jobs/{job_id}/checkpoints/details/{number}")["tasks"]
    return {vertex["name"]: int(tasks[vertex["id"]]["state_size"]) for vertex in vertices if vertex["id"] in tasks}
