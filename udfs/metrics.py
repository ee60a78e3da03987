"""The metrics of the operators: every name and its meaning in one place.

Flink shows them by task and operator; `crosstide metrics` sums them under `crosstide_NAME` (`docs/reliability.md`).
Gauges are whole numbers. Counters start at 0 with each start of a worker: rates of them are right, totals are those
since the last start.
"""

from collections.abc import Callable
from typing import Any, Literal

Name = Literal[
    "tracked_services",  # gauge, by stream: subjects that are remembered
    "warming_up",  # gauge, by stream: subjects judged in the last window that are too young for a verdict
    "refused_services",  # gauge, by stream: subjects of the last window for which there was no room
    "state_bytes",  # gauge: bytes of the operator's own state, as encoded
    "open_incidents",  # gauge
    "windows_scored_total",  # counter, by stream
    "anomalies_total",  # counter, by stream: verdicts of single detectors over their threshold
    "incidents_total",  # counter, by transition and severity: revisions written
]


class Metrics:
    """The metrics of one operator."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self._counters: dict[tuple[str, ...], Any] = {}

    def gauge(self, name: Name, read: Callable[[], int]) -> None:
        """Register a gauge."""
        self._group.gauge(name, read)

    def count(self, name: Name, amount: int, **labels: str) -> None:
        """Add to the counter with these labels; it is made at its first use."""
        key = (name, *(part for label in sorted(labels) for part in (label, labels[label])))
        if key not in self._counters:
            group = self._group
            for label in sorted(labels):
                group = group.add_group(label, labels[label])
            self._counters[key] = group.counter(name)
        self._counters[key].inc(amount)
