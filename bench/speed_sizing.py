"""From the measured law of growth to what an operator must provide: cores, state and partitions for a size of house."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

#: (services, messages a second of all of them), with the shipped windows of ten seconds.
HOUSES = ((50, 1_000), (500, 5_000), (5_000, 10_000), (5_000, 50_000), (50_000, 100_000))
WINDOW_S = 10
#: Share of a core that is planned for: the rest is for bursts, restarts and checkpoints.
BUSY = 0.6
HEAD = ("services", "messages/s", "cores", "state, MB", "partitions and slots")


def sizing(growth: Mapping[str, Any]) -> Iterator[list[str]]:
    """Answer a row a house; nothing where the law is not known."""
    law = growth.get("law")
    if not law:
        return
    held = [point["state_mb"] / point["services"] for point in growth["points"].values() if point.get("state_mb")]
    for services, rate in HOUSES:
        busy_us = rate * law["us_per_message"] + services / WINDOW_S * law["us_per_service_window"]
        cores = max(1, ceil(busy_us / 1e6 / BUSY))
        state = f"{max(held) * services:,.0f}" if held else ""
        yield [f"{services:,}", f"{rate:,}", f"{cores}", state, f"{cores}"]
