"""The fault table, for the terminal and for docs/reliability.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from bench.faults_play import Played

HEADER = ("fault", "outcome", "gap: median", "worst", "limit", "restarts / kills", "records", "revisions", "")
BEGIN, END = "<!-- {} begins: written by `python -m bench.{}` -->", "<!-- {} ends -->"


def rows(played: Iterable[Played]) -> list[tuple[str, ...]]:
    """Return a row of texts for each fault."""
    return [
        (
            one.fault,
            one.outcome,
            _seconds(one.median_gap_s),
            _seconds(one.longest_gap_s),
            _seconds(one.limit_s),
            f"{one.restarts} / {one.kills}",
            f"{one.records:,}",
            str(one.incidents),
            "ok" if one.ok else one.detail[:200] or "over its limit",
        )
        for one in played
    ]


def table(played: Iterable[Played]) -> Table:
    """Return the table for a terminal."""
    shown = Table(*HEADER, box=box.SIMPLE)
    for row in rows(played):
        shown.add_row(*row)
    return shown


def markdown(header: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return the table as Markdown."""
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def fill(page: Path, name: str, played: Sequence[Played]) -> None:
    """Write the table into a page, between its marks. Raises ValueError where they are missing."""
    fill_text(page, name, markdown(HEADER, rows(played)))


def fill_text(page: Path, name: str, text: str) -> None:
    """Write a text into a page, between its marks."""
    begin, end = BEGIN.format(name, name), END.format(name)
    whole = page.read_text("utf-8")
    if begin not in whole or end not in whole:
        raise ValueError(f"{page}: the marks around {name} are missing")
    before, after = whole.partition(begin)[0], whole.partition(end)[2]
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", "utf-8")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"
