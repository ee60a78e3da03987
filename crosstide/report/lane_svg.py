"""One lane as SVG: the line, the expected range behind it, and the strange windows on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log1p

from markupsafe import Markup

from crosstide.report.thin import Point
from crosstide.report.words import number

Place = Callable[[float], float]


@dataclass(frozen=True)
class Lane:
    """A lane to draw: its name, whose it is (`model` or `infra`), whether it shows scores, and its points by time."""

    name: str
    stream: str
    fused: bool
    points: list[Point]


def body(lane: Lane, x: Place, top: float, height: float, gap_ms: float, edge: float) -> Markup:
    """Draw the points of a lane between `top` and `top + height`; a hole wider than `gap_ms` breaks the line."""
    if not lane.points:
        return Markup('<text class="faint" x="{}" y="{}">nothing here</text>').format(x(0), top + height / 2)
    low, high, y = _scale(lane, top, height)
    runs = _runs(lane.points, gap_ms)
    parts = [_band(run, x, y, low, high) for run in runs]
    line = "".join("M" + "L".join(_at(p, x, y) for p in run) + ("h.01" if len(run) == 1 else "") for run in runs)
    parts.append(Markup('<path class="line {}" d="{}"/>').format(lane.stream, line))
    dots = "".join(f"M{_at(p, x, y)}h.01" for p in lane.points if p.score >= 1)
    if dots:
        parts.append(Markup('<path class="strange" d="{}"/>').format(dots))
    if lane.fused:
        parts.append(Markup('<path class="threshold" d="M{:.1f} {:.1f}H{:.1f}"/>').format(x(0), y(1.0), edge))
    labels = [(y(high) + 8, high), (y(low), low)] + ([(y(1.0) - 1, 1.0)] if lane.fused else [])
    parts += [Markup('<text class="scale" x="{:.0f}" y="{:.1f}">{}</text>').format(edge + 4, v, number(n))
              for v, n in labels]  # fmt: skip
    return Markup("").join(parts)


def _scale(lane: Lane, top: float, height: float) -> tuple[float, float, Place]:
    """Return the lowest and highest value shown, and value -> y. Scores stand on a logarithmic scale."""
    values = [p.value for p in lane.points]
    if lane.fused:
        high = max(3.0, *values)
        return 0.0, high, lambda v: top + height * (1 - log1p(min(max(v, 0.0), high)) / log1p(high))
    low, high = min(values), max(values)
    room = (high - low) or abs(high) or 1.0
    # an expected range may be far wider than what was seen: it must not press the line flat
    low = max(low - room / 2, min([low, *(p.lower for p in lane.points if p.lower is not None)]))
    high = min(high + room / 2, max([high, *(p.upper for p in lane.points if p.upper is not None)]))
    if high == low:
        low, high = low - room / 2, high + room / 2
    return low, high, lambda v: top + height * (1 - (min(max(v, low), high) - low) / (high - low))


def _runs(points: Sequence[Point], gap_ms: float) -> list[list[Point]]:
    runs: list[list[Point]] = []
    for point in points:
        if runs and point.at_ms - runs[-1][-1].at_ms <= gap_ms:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _band(run: Sequence[Point], x: Place, y: Place, low: float, high: float) -> Markup:
    """Shade what was expected; a side without a limit reaches the edge of the lane."""
    known = [p for p in run if p.lower is not None or p.upper is not None]
    if not known:
        return Markup("")
    upper = [f"{x(p.at_ms):.1f} {y(high if p.upper is None else p.upper):.1f}" for p in known]
    lower = [f"{x(p.at_ms):.1f} {y(low if p.lower is None else p.lower):.1f}" for p in reversed(known)]
    kind = "band" if len(known) > 1 else "band thin"
    return Markup('<path class="{}" d="M{}Z"/>').format(kind, "L".join(upper + lower))


def _at(point: Point, x: Place, y: Place) -> str:
    return f"{x(point.at_ms):.1f} {y(point.value):.1f}"
