"""How the cost grows: with services, with messages a window, with signals, hash buckets and parallelism.

The law that is fitted: CPU = a * messages + b * (service, window) pairs. One number a message would hide that a
service with two messages a window costs as much there as one with two hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench.speed_data import Load
from bench.speed_peers.window_stats import WINDOW_MS
from bench.speed_rounds import warm
from bench.speed_run import Measured, run_job
from bench.speed_site import Site
from bench.speed_slope import Speed
from bench.speed_variants import ours
from crosstide.cluster.errors import ClusterError

DEFAULT_SLOTS = 2


@dataclass(frozen=True)
class Point:
    """One measurement: a name, a load (its `count` is the small run, twice as much the large), settings, slots."""

    name: str
    services: int
    rate: int
    count: int
    overrides: tuple[str, ...] = ()
    slots: int = DEFAULT_SLOTS


#: Some windows pass in each; the warm run before them does not count.
POINTS = (
    Point("50 services, 200 messages a window", 50, 1_000, 1_000_000),
    Point("5,000 services, 20 messages a window", 5_000, 10_000, 1_000_000),
    Point("5,000 services, 2 messages a window", 5_000, 1_000, 300_000),
    Point("50 services, parallelism 1", 50, 1_000, 1_000_000, (), 1),
    Point("5,000 services, 64 buckets", 5_000, 10_000, 1_000_000, ("windows.buckets=64",)),
    Point("5,000 services, 512 buckets", 5_000, 10_000, 1_000_000, ("windows.buckets=512",)),
    Point("50,000 services, 4 messages a window", 50_000, 20_000, 500_000, ("windows.buckets=64",)),
)


def grow(site: Site, artifacts: Path, points: Sequence[Point], say: Console) -> dict[str, Any]:
    """Measure the points and fit the law; a point that cannot run says why, and the others go on."""
    told: dict[str, Any] = {}
    fitted: list[tuple[Point, Speed]] = []
    for point in points:
        small = Load("model-outputs", point.services, point.rate, point.count)
        large = Load("model-outputs", point.services, point.rate, 2 * point.count)
        try:
            speed, last = _measure(site, artifacts, point, small, large)
        except (ClusterError, RuntimeError, ValueError) as error:
            told[point.name] = {"failed": str(error)[:500]}
            say.print(f"growth, {point.name}: failed: {error}", style="red", highlight=False)
            continue
        told[point.name] = {
            "events_per_s": speed.events_per_s, "cpu_us": speed.cpu_us, "peak_rss_mb": speed.peak_mb,
            "services": point.services, "messages_per_window": messages_per_window(point),
            "state_mb": last.state_bytes / 2**20, "checkpoint_ms": last.checkpoint_ms,
        }  # fmt: skip
        if not point.overrides and point.slots == DEFAULT_SLOTS:
            fitted.append((point, speed))
        say.print(f"growth, {point.name}: {speed.cpu_us:.2f} us CPU a message", style="dim", highlight=False)
    return {"points": told, "law": law(fitted)}


def messages_per_window(point: Point) -> float:
    """Return how many messages stand behind one window of one service."""
    return point.rate * WINDOW_MS / 1000 / point.services


def law(fitted: Sequence[tuple[Point, Speed]]) -> dict[str, float] | None:
    """Fit microseconds of CPU a message and a (service, window) pair, by least squares of relative errors."""
    if len(fitted) < 2:
        return None
    rows = np.array([[1.0, 1 / messages_per_window(point)] for point, _ in fitted])
    cost = np.array([speed.cpu_us for _, speed in fitted])
    solved = np.linalg.lstsq(rows / cost[:, None], np.ones(len(cost)), rcond=None)[0]
    worst = float(np.abs(rows @ solved / cost - 1).max())
    return {"us_per_message": float(solved[0]), "us_per_service_window": float(solved[1]), "worst_error": worst}


def _measure(site: Site, artifacts: Path, point: Point, small: Load, large: Load) -> tuple[Speed, Measured]:
    for load in (small, large):
        site.feed(load)
    flink = [f"parallelism.default={point.slots}"] if point.slots != DEFAULT_SLOTS else []
    job = ours(artifacts, point.overrides, flink=flink)
    with site.cluster(point.slots) as cluster:
        warm(site, small, lambda load: run_job(site, cluster, job, load))
        runs = [run_job(site, cluster, job, load) for load in (small, large)]
    return Speed.between(*runs), runs[-1]
