"""From runs to steady speeds: the slope between two sizes, so that starting costs nothing; medians over rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.speed_run import Measured

NAMES = {"a": "raw_count", "b": "json_count", "d": "naive", "e": "bytewax", "f": "quix", "g": "hand_written"}


@dataclass(frozen=True)
class Speed:
    """What a message costs once everything is warm, and what the larger run needed.

    `events_per_s` by wall time; `cpu_us` microseconds of all processes a message; `start_s` wall time that does not
    hang on the number of messages. Raises ValueError where the larger run was not longer: then nothing is known.
    """

    events_per_s: float
    cpu_us: float
    start_s: float
    peak_mb: float
    parts_mb: dict[str, float]

    @classmethod
    def between(cls, small: Measured, large: Measured) -> "Speed":
        """Take the slope between two runs."""
        more = large.messages - small.messages
        wall_s, cpu_s = large.wall_s - small.wall_s, large.cpu_s - small.cpu_s
        if more <= 0 or wall_s <= 0 or cpu_s <= 0:
            raise ValueError(f"no slope between {small} and {large}: the sizes are too near, or the machine is busy")
        start_s = large.wall_s - wall_s / more * large.messages
        return cls(more / wall_s, 1e6 * cpu_s / more, start_s, large.peak_mb, large.parts_mb)

    def __str__(self) -> str:
        return f"{self.events_per_s:,.0f} events/s, {self.cpu_us:.2f} us CPU, {self.peak_mb:,.0f} MB"


def ratio(ours: Sequence[Speed], theirs: Sequence[Speed]) -> float:
    """How many times as fast by wall time: median over rounds, each compared with its own round."""
    return median(a.events_per_s / b.events_per_s for a, b in zip(ours, theirs, strict=False))


def cpu_ratio(ours: Sequence[Speed], theirs: Sequence[Speed]) -> float:
    """How many times as cheap by CPU time: median over rounds."""
    return median(b.cpu_us / a.cpu_us for a, b in zip(ours, theirs, strict=False))


def summary(speeds: Mapping[str, Sequence[Speed]], failed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Answer the figures of one load by the letters of its variants; of one that failed, null and the reason."""
    told: dict[str, Any] = {"variants": {letter: _brief(each) for letter, each in sorted(speeds.items())}}
    told["not_measured"] = dict(failed or {})
    ours = speeds.get("c", ())
    for letter, name in NAMES.items():
        if letter in speeds or letter in told["not_measured"]:
            theirs = speeds.get(letter, ())
            told[f"ratio_to_{name}"] = ratio(ours, theirs) if ours and theirs else None
            told[f"cpu_ratio_to_{name}"] = cpu_ratio(ours, theirs) if ours and theirs else None
    if ours:
        told["cpu_s_per_million"] = median(one.cpu_us for one in ours)
        told["peak_rss_mb"] = max(one.peak_mb for one in ours)
        told["peak_parts_mb"] = max(ours, key=lambda one: one.peak_mb).parts_mb
    return told


def _brief(each: Sequence[Speed]) -> dict[str, Any]:
    return {
        "events_per_s": median(one.events_per_s for one in each),
        "events_per_s_by_round": [one.events_per_s for one in each],
        "cpu_s_per_million": median(one.cpu_us for one in each),
        "cpu_s_per_million_by_round": [one.cpu_us for one in each],
        "start_s": median(one.start_s for one in each),
        "peak_rss_mb": max(one.peak_mb for one in each),
    }
