"""What `crosstide run` prints at its end: incidents, beside the recorded truth where there is one."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crosstide.score import score_run
from crosstide.score_print import print_scorecard
from models.durations import parse_duration

DEFAULT_WINDOW_MS = 10_000


def print_results(summary: dict[str, Any], output: Path, truth: Path | None, console: Console) -> None:
    """Print the incidents as a table, the score against the truth, and where everything is."""
    incidents = _newest(output / "incidents.jsonl")
    table = Table(title=f"{len(incidents)} incidents")
    for column in ("incident", "service", "since", "status", "severity", "most likely cause", "confidence"):
        table.add_column(column)
    for data in incidents:
        cause = data["root_cause"]
        table.add_row(
            data["incident_id"],
            data["entity"]["service.name"],
            data["timeline"]["onset_at"][11:19],
            data["status"],
            data["severity"],
            f"{cause['category']} on {cause['entity']}",
            f"{cause['confidence']:.2f}",
        )
    if incidents:
        console.print(table)
    else:
        console.print("no incident")
    if truth is not None:
        print_scorecard(score_run(output / "incidents.jsonl", truth, summary["windows"]["size_ms"]), console=console)
    consumed = sum(topic["consumed"] for topic in summary["topics"].values())
    console.print(
        f"{consumed} records in {summary['elapsed_s']} s; {summary['lines']['dead-letters']} dead letters; "
        f"everything in {escape(str(output))}",
        highlight=False,
    )
    console.print(f"report: {escape(str((output / 'report.html').resolve()))}", highlight=False, soft_wrap=True)


def _newest(path: Path) -> list[dict[str, Any]]:
    """The newest revision of each incident, by onset."""
    newest: dict[str, dict[str, Any]] = {}
    with path.open("rb") as lines:
        for line in lines:
            data = json.loads(line)["data"]
            newest[data["incident_id"]] = max(newest.get(data["incident_id"], data), data, key=lambda d: d["revision"])
    return sorted(newest.values(), key=lambda data: (data["timeline"]["onset_at"], data["incident_id"]))


def window_of(incidents: Path, asked: str | None) -> int:
    """Answer the window size (ms): as asked, else as `summary.json` beside the incidents says, else the default.

    Raises ValueError for what is no duration, and for a summary that is not one.
    """
    if asked is not None:
        return parse_duration(asked)
    summary = incidents.parent / "summary.json"
    if not summary.is_file():
        return DEFAULT_WINDOW_MS
    try:
        return int(json.loads(summary.read_text())["windows"]["size_ms"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{summary} does not say windows.size_ms: give --window") from error
