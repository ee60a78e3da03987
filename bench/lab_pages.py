"""What the bench shows: tables on the terminal, and the generated parts of docs/quality.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.lab_table import caption, fault_header, fault_rows, header, misses, rows, verdict

Part = dict[str, Any]
#: Figures that the ablation shows.
ABLATED = ("incident_recall", "incident_precision", "cause_hit_at_1", "median_detection_windows",
           "false_incidents_per_service_day")  # fmt: skip
BEGIN, END = "<!-- {} begins: written by `python -m bench.lab --markdown` -->", "<!-- {} ends -->"


def print_part(name: str, part: Part, console: Console) -> None:
    """Print one part: ours and the rivals, each fault, the worst misses."""
    console.rule(escape(caption(name, part)), align="left")
    console.print(_table(header(), rows(part)))
    console.print(verdict(part), highlight=False)
    console.print(_table(fault_header(), fault_rows(part)))
    for line in misses(part):
        console.print(escape(line), highlight=False)


def ablation_rows(variants: dict[str, Part]) -> list[list[str]]:
    """Answer a row per variant; behind the first one, the change against it."""
    whole = next(iter(variants.values()))
    return [[name, *(_change(one, whole, key) for key in ABLATED)] for name, one in variants.items()]


def print_ablation(name: str, variants: dict[str, Part], console: Console) -> None:
    """Print what each kind of detector is worth."""
    console.rule(f"{name}: each kind of detector left out in turn", align="left")
    console.print(_table(["variant", *ABLATED], ablation_rows(variants)))


def fill(page: Path, results: dict[str, Part | None], ablation: dict[str, dict[str, Part]]) -> None:
    """Write the generated parts of a page anew, between their marks. Raises ValueError where the marks are missing."""
    tables = [_section(name, part) for name, part in results.items() if part is not None]
    ablated = [f"### {name}\n\n{_markdown(['variant', *ABLATED], ablation_rows(variants))}"
               for name, variants in ablation.items()]  # fmt: skip
    text = page.read_text()
    for mark, parts in (("figures", tables), ("ablation", ablated)):
        begin, end = BEGIN.format(mark), END.format(mark)
        if begin not in text or end not in text:
            raise ValueError(f"{page}: the marks around the {mark} are missing")
        before, after = text.partition(begin)[0], text.partition(end)[2]
        text = before + "\n\n".join([begin, *parts, end]) + after
    page.write_text(text)


def _section(name: str, part: Part) -> str:
    worst = "\n".join(f"- {line}" for line in misses(part)) or "- none"
    faults = _markdown(fault_header(), fault_rows(part))
    figures = _markdown(header(), rows(part))
    title = f"### {caption(name, part)}"
    return "\n\n".join([title, figures, verdict(part).capitalize() + ".", faults, "Worst misses:", worst])


def _markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> Table:
    table = Table(*head, box=box.SIMPLE)
    for line in body:
        table.add_row(*map(escape, line))
    return table


def _change(one: Part, whole: Part, key: str) -> str:
    value, base = one[key], whole[key]
    if value is None or base is None or one is whole:
        return "none" if value is None else f"{value:.2f}"
    return f"{value:.2f} ({value - base:+.2f})"
