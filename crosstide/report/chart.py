"""The chart: truth, incidents, changes and all lanes on one time axis, as one SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from crosstide.report.lane_svg import Lane, Place, body
from crosstide.report.words import ticks

WIDTH, LEFT, RIGHT = 1180, 230, 52
ROW, LANE, PAD = 20, 44, 12
#: Usual width of a letter of a name.
LETTER = 6.2
#: Bars that overlap more than this deep are left out of a row, and the row says how many.
MAX_DEPTH = 6


@dataclass(frozen=True)
class Bar:
    """A stretch of time with a name: `mark_ms` is a moment inside it that matters (effect, opening)."""

    kind: str
    name: str
    note: str
    start_ms: int
    end_ms: int
    mark_ms: int | None = None
    href: str = ""


def chart(
    rows: Sequence[tuple[str, Sequence[Bar]]], lanes: Sequence[Lane], span: tuple[int, int], title: str, ident: str
) -> Markup:
    """Draw rows of bars above lanes, from `span[0]` to `span[1]` (epoch ms), as a self-contained SVG."""
    start, end = span[0], max(span[1], span[0] + 1)
    edge = WIDTH - RIGHT

    def x(at_ms: float) -> float:
        return LEFT + (edge - LEFT) * min(max((at_ms - start) / (end - start), 0.0), 1.0)

    stacked = [entry for name, bars in rows for entry in _named(name, [b for b in bars if _seen(b, start, end)])]
    lanes_top = 22 + ROW * len(stacked) + 6
    bottom = lanes_top + (LANE + PAD) * len(lanes)
    gap = _gap(lanes)
    parts = [_grid(start, end, x, bottom), _shades(rows, (start, end), x, bottom)]
    parts += [_row(name, line, x, 22 + ROW * n) for n, (name, line) in enumerate(stacked)]
    for n, lane in enumerate(lanes):
        parts.append(_lane(lane, x, lanes_top + n * (LANE + PAD), gap, edge, (start, end)))
    head = Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t" data-start="{}" data-end="{}" '
        'data-left="{}" data-edge="{}"><title id="{}-t">{}</title>'
    ).format(WIDTH, bottom + 4, ident, start, end, LEFT, edge, ident, title)
    return head + Markup("").join(parts) + Markup('<path class="cross" d=""/></svg>')


def _seen(bar: Bar, start: int, end: int) -> bool:
    return bar.start_ms <= end and bar.end_ms >= start


def _stack(bars: Sequence[Bar]) -> list[list[Bar]]:
    """Put bars that overlap below each other; at least one line, even if it is empty."""
    lines: list[list[Bar]] = [[]]
    for bar in sorted(bars, key=lambda bar: bar.start_ms):
        free = next((line for line in lines if not line or line[-1].end_ms < bar.start_ms), None)
        if free is None:
            lines.append(free := [])
        free.append(bar)
    return lines


def _named(name: str, bars: Sequence[Bar]) -> list[tuple[str, list[Bar]]]:
    """Name the first line of a row; the last one says how many bars found no place."""
    lines = _stack(bars)
    hidden = sum(map(len, lines[MAX_DEPTH:]))
    named = [("" if n else name, line) for n, line in enumerate(lines[:MAX_DEPTH])]
    return [*named, (f"{hidden} more not drawn", [])] if hidden else named


def _gap(lanes: Sequence[Lane]) -> float:
    """Two and a half of the usual distance between windows: a wider hole is one where nothing was written."""
    steps = [
        b.at_ms - a.at_ms for lane in lanes if lane.fused for a, b in zip(lane.points, lane.points[1:], strict=False)
    ]
    steps = steps or [b.at_ms - a.at_ms for lane in lanes for a, b in zip(lane.points, lane.points[1:], strict=False)]
    return 2.5 * sorted(steps)[len(steps) // 2] if steps else 0.0


def _grid(start: int, end: int, x: Place, bottom: float) -> Markup:
    line = Markup('<path class="grid" d="M{0:.1f} 16V{1}"/><text class="tick" x="{0:.1f}" y="11">{2}</text>')
    return Markup("").join(line.format(x(at), bottom, label) for at, label in ticks(start, end))


def _shades(rows: Sequence[tuple[str, Sequence[Bar]]], span: tuple[int, int], x: Place, bottom: float) -> Markup:
    """Carry faults and incidents down through all lanes, so that the eye can follow them."""
    box = Markup('<rect class="shade {}" x="{:.1f}" y="18" width="{:.1f}" height="{}"/>')
    line = Markup('<path class="drop" d="M{:.1f} 18V{}"/>')
    parts = []
    for bar in (bar for _, bars in rows for bar in bars if _seen(bar, *span)):
        if bar.kind == "change":
            parts.append(line.format(x(bar.start_ms), bottom))
        elif bar.kind != "trap":
            width = max(x(bar.end_ms) - x(bar.start_ms), 1.0)
            parts.append(box.format(bar.kind, x(bar.start_ms), width, bottom - 18))
    return Markup("").join(parts)


def _row(name: str, bars: Sequence[Bar], x: Place, top: float) -> Markup:
    label = Markup('<text class="row" x="{}" y="{}">{}</text>').format(LEFT - 10, top + 14, name)
    ends = [x(bar.start_ms) for bar in bars[1:]] + [float(WIDTH)]
    # an empty row has one end and no bar
    return label + Markup("").join(_bar(bar, x, top, end) for bar, end in zip(bars, ends, strict=False))


def _bar(bar: Bar, x: Place, top: float, room_end: float) -> Markup:
    """Draw one bar; its name goes inside, or beside it up to `room_end`, or only into its tooltip."""
    left, width = x(bar.start_ms), max(x(bar.end_ms) - x(bar.start_ms), 3.0)
    shape = Markup('<rect class="bar {}" x="{:.1f}" y="{}" width="{:.1f}" height="15" rx="3"/>')
    drawn = Markup("<g><title>{}</title>").format(f"{bar.name}: {bar.note}")
    drawn += shape.format(bar.kind, left, top + 2, width)
    inside, needed = left + 5, LETTER * len(bar.name) + 8
    if bar.mark_ms is not None:
        drawn += Markup('<path class="mark" d="M{:.1f} {}v15"/>').format(x(bar.mark_ms), top + 2)
        inside = x(bar.mark_ms) + 5
    if left + width - inside >= needed:
        drawn += Markup('<text class="name" x="{:.1f}" y="{}">{}</text>').format(inside, top + 13, bar.name)
    elif room_end - left - width >= needed:
        drawn += Markup('<text class="beside" x="{:.1f}" y="{}">{}</text>').format(left + width + 4, top + 13, bar.name)
    drawn += Markup("</g>")
    return Markup('<a href="{}">{}</a>').format(bar.href, drawn) if bar.href else drawn


def _lane(lane: Lane, x: Place, top: float, gap: float, edge: float, span: tuple[int, int]) -> Markup:
    shown = [p for p in lane.points if span[0] <= p.at_ms <= span[1]]
    subject, _, signal = lane.name.partition(" · ")
    cut = Lane(lane.name, lane.stream, lane.fused, shown)
    peak = max((p.score for p in shown), default=0.0)
    return Markup(
        '<g class="lane {}" data-lane="{}"><title>{}</title><rect class="floor" x="{}" y="{}" width="{}" height="{}"/>'
        '<text class="subject" x="{}" y="{}">{}</text><text class="signal" x="{}" y="{}">{}</text>{}</g>'
    ).format(
        "fused" if lane.fused else "seen", lane.name, f"{lane.name}; strongest score {peak:.2f} of a threshold of 1",
        LEFT, top, edge - LEFT, LANE, LEFT - 10, top + 18, subject, LEFT - 10, top + 33, signal,
        body(cut, x if shown else (lambda _: float(LEFT + 8)), top, LANE, gap, edge),
    )  # fmt: skip
