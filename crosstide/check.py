"""`crosstide check`: is a configuration right? All its errors at once, or what was checked."""

import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from jobs.settings import load_pipeline
from models.config import Pipeline
from models.config_problems import ConfigErrors, Problem
from models.durations import format_duration


def check(config: Path | None, overrides: Sequence[str], topology: Path | None, json: bool) -> int:
    """Print all errors of a configuration, or what was found in a right one; return 0 (right) or 2 (wrong).

    With `json`, standard output is a list of `{file, line, column, message, hint}`, empty for a right configuration.
    """
    # soft_wrap: file:line:column must stay whole, so that editors and terminals can jump to it
    console = Console(soft_wrap=True, highlight=False)
    try:
        pipeline = load_pipeline(config, overrides, topology)
    except ConfigErrors as errors:
        _print(console, errors.problems, json)
        return 2
    if json:
        print("[]")
    else:
        name = "the shipped configuration" if config is None else str(config)
        console.print(Text.assemble((f"{name} is right", "green"), f": {_summary(pipeline)}"))
    return 0


def _print(console: Console, problems: list[Problem], json: bool) -> None:
    if json:
        print(jsonlib.dumps([asdict(problem) for problem in problems], indent=2, ensure_ascii=False))
        return
    for problem in problems:
        where = f"{problem.file}:{problem.line}:{problem.column}:"
        advice = f"; write {problem.hint}" if problem.hint else ""
        console.print(Text.assemble((where, "bold"), " ", (problem.message, "red"), (advice, "green")))
    files = [f"{len(list(group))} in {file}" for file, group in groupby(problems, key=lambda p: p.file)]
    console.print(Text(f"{_count(len(problems), 'problem')}: {', '.join(files)}", "bold"))


def _summary(pipeline: Pipeline) -> str:
    windows = pipeline.windows
    every = "" if windows.slide_ms == windows.size else f" every {format_duration(windows.slide_ms)}"
    detectors = [
        f"{stream}: {', '.join(d['kind'] for d in found) or 'none'}"
        for stream, found in (("model", pipeline.detectors.model), ("infra", pipeline.detectors.infra))
    ]
    return "; ".join(
        (
            f"windows of {format_duration(windows.size)}{every} in panes of {format_duration(windows.pane)}",
            f"detectors of {' and of '.join(detectors)}",
            _count(len(pipeline.rules), "rule"),
            _count(len(pipeline.topology.services), "service"),
        )
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
