"""The figures of `throughput.json` as tables: for the terminal, and for docs/performance.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.speed_sizing import HEAD as SIZES
from bench.speed_sizing import sizing

Result = dict[str, Any]
NAMES = {
    "a": "Flink, raw bytes counted", "b": "Flink, JSON parsed and counted", "c": "Crosstide, all detectors",
    "d": "naive PyFlink", "e": "Bytewax, 2 processes", "f": "Quix Streams, 2 processes",
    "g": "by hand, polars, 2 processes",
}  # fmt: skip
HEAD = ("", "variant", "events/s", "against (b), wall", "CPU s / 1 M", "against (b), CPU", "peak MB", "start s")
#: What has to come out, by path in the results: (path, label, bound, whether it is the least or the most).
FLOORS = (
    (("cpu_ratio_to_json_count",), "(c)/(b) by CPU", 0.5, True),
    (("ratio_to_json_count",), "(c)/(b) by wall", 0.4, True),
    (("ratio_to_naive",), "(c)/(d)", 8.0, True),
    (("ratio_to_bytewax",), "(c)/(e)", 1.0, True),
    (("ratio_to_quix",), "(c)/(f)", 1.0, True),
    (("ratio_5000_to_50_services",), "5,000 to 50 services, events/s", 0.5, True),
    (("peak_rss_mb",), "peak memory, MB", 3072.0, False),
    (("latency_ms", "at_least_once", "score_p99"), "at least once, score p99, ms", 700.0, False),
    (("latency_ms", "at_least_once", "incident_p99"), "at least once, incident p99, ms", 700.0, False),
    (("latency_ms", "exactly_once", "score_p99"), "exactly once (1 s checkpoints), score p99, ms", 2000.0, False),
    (("latency_ms", "exactly_once", "incident_p99"), "exactly once (1 s checkpoints), incident p99, ms", 2000.0, False),
    (("burst", "incidents_equal"), "a minute of backlog: incidents equal", 1.0, True),
    (("burst", "late_records_after_backlog"), "a minute of backlog: late records", 0.0, False),
)


def rows(part: Result) -> Iterator[list[str]]:
    """Answer a row per variant of one load."""
    found = part["variants"]
    base = found.get("b")
    for letter, name in NAMES.items():
        if letter in found:
            one = found[letter]
            wall = one["events_per_s"] / base["events_per_s"] if base else None
            cpu = base["cpu_s_per_million"] / one["cpu_s_per_million"] if base else None
            yield [letter, name, f"{one['events_per_s']:,.0f}", _ratio(wall), f"{one['cpu_s_per_million']:.2f}",
                   _ratio(cpu), f"{one['peak_rss_mb']:,.0f}", f"{one['start_s']:.1f}"]  # fmt: skip


def verdicts(results: Result) -> Iterator[str]:
    """Say of each floor whether it is reached; what was not measured is left out."""
    for path, label, bound, at_least in FLOORS:
        value: Any = results
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            good = value >= bound if at_least else value <= bound
            yield f"{'reached' if good else 'MISSED'}: {label} {value:.2f} ({'>=' if at_least else '<='} {bound:g})"


def print_all(results: Result, console: Console) -> None:
    """Print every table that there are figures for."""
    for key, title in _parts(results):
        table = Table(*HEAD, title=title)
        for row in rows(key):
            table.add_row(*row)
        console.print(table)
    for title, head, lines in _others(results):
        table = Table(*head, title=title)
        for cells in lines:
            table.add_row(*cells)
        console.print(table)
    for line in verdicts(results):
        console.print(line, style="green" if line.startswith("reached") else "red", highlight=False)


def fill(page: Path, results: Result) -> None:
    """Write the tables between the marks of a page; what stands around them is for people."""
    text = page.read_text()
    blocks = {title: _markdown(HEAD, rows(part)) for part, title in _parts(results)}
    blocks |= {title: _markdown(head, lines) for title, head, lines in _others(results)}
    begin, end = "<!-- figures -->", "<!-- /figures -->"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    body = "\n\n".join(f"**{title}**\n\n{block}" for title, block in blocks.items())
    said = "\n".join(f"- {line}" for line in verdicts(results))
    page.write_text(f"{before}{begin}\n{body}\n\n{said}\n{end}{after}")


def _parts(results: Result) -> Iterator[tuple[Result, str]]:
    named = ((results, "model outputs, 50 services"), (results.get("services_5000"), "model outputs, 5,000 services"),
             (results.get("telemetry"), "telemetry, 50 services"))  # fmt: skip
    for part, title in named:
        if part and part.get("variants"):
            yield part, title


def _others(results: Result) -> Iterator[tuple[str, Sequence[str], list[list[str]]]]:
    if results.get("latency_ms"):
        keys = ("score_p50", "score_p99", "incident_p50", "incident_p99", "score_n", "incident_n")
        lines = [[name.replace("_", " "), *(_number(one.get(key)) for key in keys)]
                 for name, one in results["latency_ms"].items()]  # fmt: skip
        yield "latency, ms", ("guarantee", *keys), lines
    if results.get("ablation"):
        lines = [[name, f"{one['cpu_us']:.2f}", f"{one['saved_us']:+.2f}"] for name, one in results["ablation"].items()]
        yield "what each part costs", ("variant", "CPU us a message", "saved"), lines
    if results.get("growth"):
        keys = ("messages_per_window", "events_per_s", "cpu_us", "peak_rss_mb", "state_mb", "checkpoint_ms")
        lines = [[name, *(_number(one.get(key)) for key in keys)] for name, one in results["growth"]["points"].items()]
        yield "growth", ("point", *keys), lines
        yield "sizes of houses, from the law", SIZES, list(sizing(results["growth"]))


def _markdown(head: Sequence[str], lines: Iterator[list[str]] | list[list[str]]) -> str:
    table = [list(head), ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"
