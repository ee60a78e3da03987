"""Times, durations and numbers as a person reads them."""

from datetime import UTC, datetime

STEPS_MS = [1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
            3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000]  # fmt: skip


def duration(seconds: float) -> str:
    """Write seconds in the two largest units.

    >>> duration(130), duration(0.4), duration(-12)
    ('2 min 10 s', '0.4 s', '-12 s')
    """
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for size, unit, small, name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {name}" if rest else "")
    return f"{whole} s"


def number(value: float | None) -> str:
    """Write three significant digits, without a dangling zero.

    >>> number(0.12345), number(1234567.0), number(None)
    ('0.123', '1.23e+06', '–')
    """
    if value is None:
        return "–"
    return f"{value:.4g}" if 100 <= abs(value) < 10_000 else f"{value:.3g}"


def clock(at_ms: int, with_day: bool = False) -> str:
    """Write a time of day (UTC), with its day where asked.

    >>> clock(0, with_day=True)
    '1970-01-01 00:00:00'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S" if with_day else "%H:%M:%S")


def ticks(start_ms: int, end_ms: int, wanted: int = 8) -> list[tuple[int, str]]:
    """Return round moments between two times, with their labels; a day's first tick carries the date."""
    span = max(end_ms - start_ms, 1)
    step = next((step for step in STEPS_MS if span / step <= wanted), -(-span // wanted))
    moments = range(-(-start_ms // step) * step, end_ms + 1, step)
    return [(at, _label(at, step)) for at in moments]


def _label(at_ms: int, step_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    if step_ms >= 86_400_000 or (at_ms % 86_400_000 == 0 and step_ms >= 3_600_000):
        return moment.strftime("%d %b")
    return moment.strftime("%H:%M:%S" if step_ms < 60_000 else "%H:%M")
