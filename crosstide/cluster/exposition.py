"""Metrics as Prometheus reads them: every name of ours, its type and its meaning, and the text format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crosstide.cluster.health import Health

#: name -> (type, meaning). The alert rules in `flink-conf/alerts.yaml` may use these names and no others.
METRICS: dict[str, tuple[str, str]] = {
    "crosstide_up": ("gauge", "1 while the job is RUNNING, 0 otherwise"),
    "crosstide_uptime_seconds": ("gauge", "how long the job has been RUNNING"),
    "crosstide_restarts_total": ("counter", "restarts of the job since it was submitted"),
    "crosstide_checkpoint_age_seconds": ("gauge", "time since the last completed checkpoint"),
    "crosstide_checkpoint_duration_seconds": ("gauge", "how long the last completed checkpoint took"),
    "crosstide_checkpoints_failed_total": ("counter", "checkpoints that failed, or were due while the job started"),
    "crosstide_watermark_timestamp_seconds": ("gauge", "event time that the correlator has reached"),
    "crosstide_lag_records": ("gauge", "records of a topic not read at the last checkpoint"),
    "crosstide_read_records_total": (
        "counter",
        "records of a topic read at the last checkpoint, whatever became of them",
    ),
    "crosstide_events_total": ("counter", "records by topic and what became of them"),
    "crosstide_late_events_total": ("counter", "records that came after their pane had closed"),
    "crosstide_incidents_open": ("gauge", "incidents open now"),
    "crosstide_incidents_total": ("counter", "revisions written since the last start of the workers"),
    "crosstide_tracked_services": ("gauge", "services and entities remembered"),
    "crosstide_warming_up_keys": ("gauge", "services and entities too young for a verdict"),
    "crosstide_refused_services": ("gauge", "services and entities for which there was no room"),
    "crosstide_windows_scored_total": ("counter", "windows judged since the last start of the workers"),
    "crosstide_anomalies_total": ("counter", "verdicts over their threshold since the last start of the workers"),
    "crosstide_state_bytes": ("gauge", "size of an operator's state in the last checkpoint"),
    "crosstide_process_up": ("gauge", "1 while a process of the local cluster runs"),
    "crosstide_process_starts_total": ("counter", "times that the watcher has started a process again"),
    "crosstide_scrape_failed": ("gauge", "1 while Flink or Kafka cannot be asked"),
}
#: Names of the operators' own metrics where they differ from ours.
RENAMED = {"open_incidents": "", "warming_up": "warming_up_keys", "state_bytes": ""}
RESULTS = ("scored", "late", "duplicate", "dead_lettered", "dropped_by_policy")


@dataclass(frozen=True)
class Sample:
    """One value."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def samples(health: Health) -> Iterable[Sample]:
    """Answer all that is known of a job; what is not known has no sample."""
    yield Sample("crosstide_up", float(health.state == "RUNNING"))
    yield Sample("crosstide_uptime_seconds", health.uptime_s)
    yield Sample("crosstide_restarts_total", health.restarts)
    yield Sample("crosstide_checkpoints_failed_total", health.checkpoints_failed)
    yield Sample("crosstide_incidents_open", health.open_incidents)
    for name, value in (
        ("crosstide_checkpoint_age_seconds", health.checkpoint_age_s),
        ("crosstide_checkpoint_duration_seconds", health.checkpoint_s),
        ("crosstide_watermark_timestamp_seconds", health.watermark_s),
    ):
        if value is not None:
            yield Sample(name, value)
    for topic, behind in (health.lag or {}).items():
        yield Sample("crosstide_lag_records", behind, {"topic": topic})
    for topic, read in health.read.items():
        yield Sample("crosstide_read_records_total", read, {"topic": topic})
    for topic, counts in health.totals.items():
        for result in RESULTS:
            yield Sample("crosstide_events_total", counts[result], {"topic": topic, "result": result})
        yield Sample("crosstide_late_events_total", counts["late"], {"topic": topic})
    for (name, labels), value in health.gauges.items():
        if ours := RENAMED.get(name, name):
            yield Sample(f"crosstide_{ours}", value, dict(labels))
    for operator, size in health.state_bytes.items():
        yield Sample("crosstide_state_bytes", size, {"operator": operator})


def exposition(given: Iterable[Sample]) -> str:
    """Write samples in Prometheus' text format, version 0.0.4. Raises KeyError for a name that is not in METRICS."""
    by_name: dict[str, list[Sample]] = {}
    for sample in given:
        by_name.setdefault(sample.name, []).append(sample)
    lines = []
    for name in sorted(by_name):
        kind, meaning = METRICS[name]
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{_labels(sample.labels)} {sample.value:.15g}" for sample in by_name[name]]
    return "\n".join([*lines, ""])


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels.items()))
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value[:200].replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
