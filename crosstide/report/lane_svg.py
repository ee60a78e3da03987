"""One lane as SVG: its lines, the expected range behind them, and the strange windows on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p

from markupsafe import Markup

from crosstide.report.bar_svg import LEFT, Place
from crosstide.report.thin import Point
from crosstide.report.words import number

#: Letters of a signal's name that the space at the left holds.
MAX_LETTERS = 32
#: Height of a number on the scale: two that are nearer would stand on each other.
SCALE_LETTER = 10


@dataclass(frozen=True)
class Line:
    """One series: its full name, whose it is (`model` or `infra`), and its points by time."""

    name: str
    stream: str
    points: list[Point]


@dataclass(frozen=True)
class Lane:
    """Lines on one scale, under a `subject` and a `label`; `fused`: they are scores, drawn up to `ceiling` at least.

    `height` and `gap` (above it) in pixels.
    """

    subject: str
    label: str
    fused: bool
    lines: list[Line]
    height: int = 44
    gap: int = 12
    ceiling: float = 3.0

    def cut(self, span: tuple[int, int]) -> "Lane":
        """Return the lane with the points of a span (epoch ms) alone."""
        lines = [Line(n.name, n.stream, [p for p in n.points if span[0] <= p.at_ms <= span[1]]) for n in self.lines]
        return Lane(self.subject, self.label, self.fused, lines, self.height, self.gap, self.ceiling)


def draw(lane: Lane, x: Place, top: float, gap_ms: float, edge: float) -> Markup:
    """Draw a lane from `top` down, from the left edge to `edge`; a hole wider than `gap_ms` breaks a line."""
    peak = max((p.score for line in lane.lines for p in line.points), default=0.0)
    title = f"{lane.subject} · {lane.label}; strongest score {peak:.2f} of a threshold of 1"
    short = lane.label if len(lane.label) <= MAX_LETTERS else f"{lane.label[: MAX_LETTERS - 1]}…"
    return Markup(
        '<g class="lane {}"><title>{}</title><rect class="floor" x="{}" y="{}" width="{}" height="{}"/>'
        '<text class="subject" x="{}" y="{:.1f}">{}</text><text class="signal" x="{}" y="{:.1f}">{}</text>{}</g>'
    ).format(
        "fused" if lane.fused else "seen", title, LEFT, top, edge - LEFT, lane.height,
        LEFT - 10, top + 0.42 * lane.height, lane.subject, LEFT - 10, top + 0.82 * lane.height, short,
        _body(lane, x, top, gap_ms, edge),
    )  # fmt: skip


def _body(lane: Lane, x: Place, top: float, gap_ms: float, edge: float) -> Markup:
    points = [point for line in lane.lines for point in line.points]
    if not points:
        words = Markup('<text class="faint" x="{}" y="{:.1f}">nothing was judged here</text>')
        return words.format(LEFT + 8, top + 0.6 * lane.height)
    low, high, y = _scale(lane, points, top)
    scale = f"{low:.6g} {high:.6g} {y(low):.1f} {y(high):.1f} {int(lane.fused)}"
    parts = [_line(line, (low, high), (x, y), gap_ms, scale) for line in lane.lines]
    if lane.fused:
        parts.append(Markup('<path class="threshold" d="M{:.1f} {:.1f}H{:.1f}"/>').format(LEFT, y(1.0), edge))
    labels = [(y(high) + 8, high), (y(low), low)]
    if lane.fused and y(low) - y(1.0) > SCALE_LETTER:
        labels.append((y(1.0) - 1, 1.0))
    parts += [Markup('<text class="scale" x="{:.0f}" y="{:.1f}">{}</text>').format(edge + 4, v, number(n))
              for v, n in labels]  # fmt: skip
    return Markup("").join(parts)


def _scale(lane: Lane, points: Sequence[Point], top: float) -> tuple[float, float, Place]:
    """Return the lowest and highest value shown, and value -> y. Scores stand on a logarithmic scale."""
    values, height = [point.value for point in points], lane.height
    if lane.fused:
        high = max(lane.ceiling, *values)
        return 0.0, high, lambda v: top + height * (1 - log1p(min(max(v, 0.0), high)) / log1p(high))
    low, high = min(values), max(values)
    room = (high - low) or abs(high) or 1.0
    # an expected range may be far wider than what was seen: it must not press the line flat
    low = max(low - room / 2, min([low, *(p.lower for p in points if p.lower is not None)]))
    high = min(high + room / 2, max([high, *(p.upper for p in points if p.upper is not None)]))
    if high == low:
        low, high = low - room / 2, high + room / 2
    return low, high, lambda v: top + height * (1 - (min(max(v, low), high) - low) / (high - low))


def _line(line: Line, ends: tuple[float, float], places: tuple[Place, Place], gap_ms: float, scale: str) -> Markup:
    """Draw one line; `scale` lets the page's script read values back from the drawing."""
    x, y = places
    runs = _runs(line.points, gap_ms)
    drawn = Markup("").join(_band(run, x, y, *ends) for run in runs)
    path = "".join("M" + "L".join(_at(p, x, y) for p in run) + ("h.01" if len(run) == 1 else "") for run in runs)
    drawn += Markup('<path class="line {}" data-name="{}" data-scale="{}" d="{}"/>').format(
        line.stream, line.name, scale, path
    )
    dots = "".join(f"M{_at(p, x, y)}h.01" for p in line.points if p.score >= 1)
    return drawn + Markup('<path class="strange" d="{}"/>').format(dots) if dots else drawn


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
