"""A chart: rows of bars and lanes of lines, from top to bottom on one time axis, as one SVG."""

from collections.abc import Container, Sequence
from itertools import pairwise

from markupsafe import Markup

from crosstide.report import bar_svg, lane_svg
from crosstide.report.bar_svg import LEFT, RIGHT, ROW, WIDTH, BarRow, Place, Span, lines_of
from crosstide.report.lane_svg import Lane
from crosstide.report.words import ticks

#: Pixels above the first row: the labels of the time axis.
HEAD = 22
#: Kinds of bars that are carried through the whole chart, so that the eye can follow them.
SHADED = frozenset({"fault", "incident", "change"})

Item = BarRow | Lane


def chart(items: Sequence[Item], span: Span, title: str, ident: str, shaded: Container[str] = SHADED) -> Markup:
    """Draw the items from `span[0]` to `span[1]` (epoch ms) as a self-contained SVG."""
    span = (span[0], max(span[1], span[0] + 1))
    edge = WIDTH - RIGHT

    def x(at_ms: float) -> float:
        return LEFT + (edge - LEFT) * min(max((at_ms - span[0]) / (span[1] - span[0]), 0.0), 1.0)

    placed, bottom = _layout(items, span)
    gap_ms = _gap([item for item in items if isinstance(item, Lane)])
    parts = [_grid(span, x, bottom), _shades(items, span, x, bottom, shaded)]
    for top, item in placed:
        if isinstance(item, Lane):
            parts.append(lane_svg.draw(item, x, top, gap_ms, edge))
        else:
            parts.append(bar_svg.draw(item, x, top))
    head = Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="group" aria-labelledby="{}-t" data-start="{}" data-end="{}" '
        'data-left="{}" data-edge="{}"><title id="{}-t">{}</title>'
    ).format(WIDTH, bottom + 4, ident, span[0], span[1], LEFT, edge, ident, title)
    return head + Markup("").join(parts) + Markup('<path class="cross" d=""/></svg>')


def _layout(items: Sequence[Item], span: Span) -> tuple[list[tuple[int, Item]], int]:
    """Part rows into lines, cut lanes to the span, give each its top; return also the bottom of all."""
    lines: list[Item] = []
    for item in items:
        if isinstance(item, Lane):
            lines.append(item.cut(span))
        else:
            lines.extend(lines_of(item, span))
    placed: list[tuple[int, Item]] = []
    bottom = HEAD
    for line in lines:
        bottom += line.gap
        placed.append((bottom, line))
        bottom += line.height if isinstance(line, Lane) else ROW
    return placed, bottom


def _gap(lanes: Sequence[Lane]) -> float:
    """Two and a half of the usual distance between windows: a wider hole is one where nothing was written."""
    for chosen in ([lane for lane in lanes if lane.fused], lanes):
        series = [line.points for lane in chosen for line in lane.lines]
        steps = [b.at_ms - a.at_ms for points in series for a, b in pairwise(points)]
        if steps:
            return 2.5 * sorted(steps)[len(steps) // 2]
    return 0.0


def _grid(span: Span, x: Place, bottom: float) -> Markup:
    line = Markup('<path class="grid" d="M{0:.1f} 16V{1}"/><text class="tick" x="{0:.1f}" y="11">{2}</text>')
    return Markup("").join(line.format(x(at), bottom, label) for at, label in ticks(*span))


def _shades(items: Sequence[Item], span: Span, x: Place, bottom: float, shaded: Container[str]) -> Markup:
    bars = {(bar.kind, bar.start_ms, bar.end_ms)
            for row in items if isinstance(row, BarRow)
            for bar in row.bars if bar.kind in shaded and bar.within(span)}  # fmt: skip
    box = Markup('<rect class="shade {}" x="{:.1f}" y="18" width="{:.1f}" height="{}"/>')
    drop = Markup('<path class="drop" d="M{:.1f} 18V{}"/>')
    parts = []
    for kind, start, end in sorted(bars):
        width = max(x(end) - x(start), 1.0)
        parts.append(
            drop.format(x(start), bottom) if kind == "change" else box.format(kind, x(start), width, bottom - 18)
        )
    return Markup("").join(parts)
