"""The metrics of the lab: their units and kinds, how totals become rates, and how values become records."""

from collections.abc import Mapping
from typing import Any

from crosstide.lab.child import short

#: metric -> (unit in UCUM, kind); a gauge says no kind. A share of time, and seconds per second, have the unit 1.
METRICS: Mapping[str, tuple[str, str | None]] = {
    "node.cpu.utilization": ("1", None),
    "node.cpu.wait": ("1", None),
    "node.cpu.pressure": ("1", None),
    "node.memory.utilization": ("1", None),
    "node.memory.pressure": ("1", None),
    "node.io.pressure": ("1", None),
    "node.context_switches": ("{switch}", "counter"),
    "node.disk.write_bytes": ("By", "counter"),
    "node.disk.io_time": ("s", "counter"),
    "node.network.sent_bytes": ("By", "counter"),
    "service.cpu.utilization": ("1", None),
    "service.cpu.wait": ("1", None),
    "service.memory.rss_bytes": ("By", None),
    "service.threads": ("{thread}", None),
    "service.open_files": ("{file}", None),
    "service.context_switches": ("{switch}", "counter"),
    "service.disk.write_bytes": ("By", "counter"),
    "service.queue_depth": ("{request}", None),
    "gpu.utilization": ("1", None),
    "gpu.memory.utilization": ("1", None),
}


class Growth:
    """Turns totals that grow into their growth per second, by name."""

    def __init__(self) -> None:
        self._last: Mapping[str, float] = {}

    def of(self, totals: Mapping[str, float], passed_s: float) -> dict[str, float]:
        """Answer the growth since the last call; a name that was not there then, or fell since, is left out."""
        before, self._last = self._last, totals
        grown = {name: total - before[name] for name, total in totals.items() if name in before}
        return {name: short(growth / passed_s) for name, growth in grown.items() if growth >= 0}


def records(stamp: str, entity: Mapping[str, str], values: Mapping[str, float]) -> list[dict[str, Any]]:
    """Make records of topic `telemetry`; `entity` is its field and name, `values` are by metric."""
    made = []
    for metric, value in values.items():
        unit, kind = METRICS[metric]
        named = {"timestamp": stamp, **entity, "metric": metric, "value": value, "unit": unit}
        made.append(named if kind is None else named | {"kind": kind})
    return made
