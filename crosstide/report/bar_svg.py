"""Bars in rows: stretches of time with a name, below each other where they overlap, links where they lead somewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, LEFT, RIGHT, ROW = 1180, 230, 52, 19
#: Usual width of a letter of a name, and what a name needs beside its letters.
LETTER, ROOM = 6.7, 8
#: Bars that overlap more than this deep are left out of a row, and the row says how many.
MAX_DEPTH = 6

Place = Callable[[float], float]
Span = tuple[int, int]


@dataclass(frozen=True)
class Bar:
    """A stretch of time (epoch ms). `label` is short (`F3`), `name` says more, `note` all.

    `mark_ms` is a moment inside it that matters: the effect begins, the incident is opened.
    """

    kind: str
    label: str
    name: str
    note: str
    start_ms: int
    end_ms: int
    mark_ms: int | None = None
    href: str = ""

    def within(self, span: Span) -> bool:
        """Say whether any of it lies in a span."""
        return self.start_ms <= span[1] and self.end_ms >= span[0]


@dataclass(frozen=True)
class BarRow:
    """Bars under one name at the left; `gap`: empty pixels above."""

    name: str
    bars: Sequence[Bar]
    gap: int = 0


def lines_of(row: BarRow, span: Span) -> list[BarRow]:
    """Part a row into lines whose bars do not overlap; none where no bar is in the span.

    The last line says how many bars found no place.
    """
    lines: list[list[Bar]] = []
    for bar in sorted((bar for bar in row.bars if bar.within(span)), key=lambda bar: bar.start_ms):
        free = next((line for line in lines if line[-1].end_ms < bar.start_ms), None)
        if free is None:
            lines.append(free := [])
        free.append(bar)
    named = [BarRow("" if n else row.name, line, 0 if n else row.gap) for n, line in enumerate(lines[:MAX_DEPTH])]
    hidden = sum(map(len, lines[MAX_DEPTH:]))
    return [*named, BarRow(f"{hidden} more not drawn", [])] if hidden else named


def draw(line: BarRow, x: Place, top: float) -> Markup:
    """Draw one line of bars that do not overlap, with its name at the left."""
    name = Markup('<text class="row" x="{}" y="{}">{}</text>').format(LEFT - 10, top + 13, line.name)
    ends = [x(bar.start_ms) for bar in line.bars[1:]] + [float(WIDTH)]
    # an empty line has one end and no bar
    return name + Markup("").join(_bar(bar, x, top, end) for bar, end in zip(line.bars, ends, strict=False))


def _bar(bar: Bar, x: Place, top: float, room_end: float) -> Markup:
    left, right = x(bar.start_ms), max(x(bar.end_ms), x(bar.start_ms) + 3.0)
    drawn = Markup("<g><title>{}</title>").format(f"{bar.name}: {bar.note}")
    drawn += Markup('<rect class="bar {}" x="{:.1f}" y="{}" width="{:.1f}" height="15" rx="3"/>').format(
        bar.kind, left, top + 2, right - left
    )
    inside = left + 4
    if bar.mark_ms is not None:
        drawn += Markup('<path class="mark" d="M{:.1f} {}v15"/>').format(x(bar.mark_ms), top + 2)
        inside = x(bar.mark_ms) + 4
    drawn += _text(bar, inside, right, room_end, top + 13.5) + Markup("</g>")
    return Markup('<a href="{}">{}</a>').format(bar.href, drawn) if bar.href else drawn


def _text(bar: Bar, inside: float, right: float, room_end: float, y: float) -> Markup:
    """Write the name into the bar, or beside it up to `room_end`; else the label; else nothing: the tooltip has it."""
    text = Markup('<text class="{}" x="{:.1f}" y="{}">{}</text>')
    for words in filter(None, (bar.name, bar.label)):
        needed = LETTER * len(words) + ROOM
        if right - inside >= needed:
            return text.format("name", inside, y, words)
        if room_end - right >= needed:
            return text.format("beside", right + 4, y, words)
    return Markup("")
