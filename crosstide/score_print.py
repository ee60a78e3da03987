"""A scorecard on the terminal: a table for people, JSON for programs."""

import json
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from crosstide.intervals import Proportion
from crosstide.score import Scorecard, score_run
from crosstide.score_input import ScoreInputError

COLOURS = {"found": "green", "quiet": "green", "harmless": "dim", "missed": "red", "fooled": "red"}
CHANCE = "chance: draws without return from the distinct (entity, category) pairs named by incidents and truth"


def score_files(incidents: Path, truth: Path, window_ms: int, *, as_json: bool) -> int:
    """Score, print, and return the exit code: 0, or 2 with one line on stderr where a file is missing or broken."""
    try:
        card = score_run(incidents, truth, window_ms)
    except ScoreInputError as error:
        typer.echo(f"error: {error}", err=True)
        return 2
    print_scorecard(card, as_json=as_json)
    return 0


def print_scorecard(card: Scorecard, *, as_json: bool = False, console: Console | None = None) -> None:
    """Print the card; the console decides on colours (none where it is not a terminal)."""
    console = console or Console()
    if as_json:
        console.file.write(json.dumps(card.to_json(), indent=2) + "\n")
        return
    console.print(_faults(card))
    unpaired = [incident for incident in card.incidents if incident.fault_id is None]
    for incident in unpaired:
        word = "[dim]neutral[/dim]" if incident.neutral else "[red]false[/red]"
        console.print(f"{word} {incident.id}: {incident.reason}", highlight=False)
    console.print(_totals(card))
    console.print(f"{CHANCE}; intervals: Wilson, 95 %.", style="dim", highlight=False)


def _faults(card: Scorecard) -> Table:
    table = Table("fault", "kind", "outcome", "time to detect", "cause first", "in first 3", "incident", box=box.SIMPLE)
    table.columns[1].no_wrap = True
    for fault in card.faults:
        colour = COLOURS[fault.outcome]
        delay = "" if fault.time_to_detect_s is None else f"{fault.time_to_detect_s:.1f} s"
        outcome = f"[{colour}]{fault.outcome}[/{colour}]" + (" (shared)" if fault.shared else "")
        hits = (_yes(fault.hit_1), _yes(fault.hit_3))
        table.add_row(fault.id, fault.kind, outcome, delay, *hits, fault.incident_id or "")
    return table


def _totals(card: Scorecard) -> Table:
    table = Table("measure", "value", "95 % interval", "chance", box=box.SIMPLE)
    for name, share, chance in (
        ("recall", card.recall, None),
        ("precision", card.precision, None),
        ("cause hit@1", card.hit_1, card.chance_1),
        ("cause hit@3", card.hit_3, card.chance_3),
    ):
        table.add_row(name, *_share(share), "" if chance is None else f"{chance:.2f}")
    middle = card.median_time_to_detect_s
    table.add_row("median time to detect", "unknown" if middle is None else f"{middle:.1f} s", "", "")
    neutral = f" ({card.neutral} incidents on them, not counted)" if card.neutral else ""
    table.add_row("harmless faults", f"{card.harmless}{neutral}", "", "")
    table.add_row("incidents on traps", f"{card.on_traps} ({card.traps} traps)", "", "")
    if card.traps_that_hurt:
        table.add_row("[yellow]traps that hurt[/yellow]", f"{card.traps_that_hurt}: requests suffered", "", "")
    return table


def _share(share: Proportion) -> tuple[str, str]:
    text = str(share)
    value, _, interval = text.partition(" [")
    return value, f"[{interval}".replace("[", r"\[") if interval else ""


def _yes(hit: bool | None) -> str:
    return "" if hit is None else ("yes" if hit else "no")
