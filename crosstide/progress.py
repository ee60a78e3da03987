"""What a person sees while a command works: on standard error, so that standard output stays for results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

SEVERITY = {"info": "blue", "warning": "yellow", "high": "dark_orange", "critical": "red"}


class Progress:
    """Progress of a command; where standard error is no terminal, plain lines without bars."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Say what happens next."""
        self._console.print(f"[dim]{text}[/dim]")

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int], None]]:
        """Count up, where the end is not known."""
        with self._bars() as bars:
            task = bars.add_task(what, total=None)
            yield lambda count: bars.update(task, completed=count)

    @contextmanager
    def running(self, what: str, total: int) -> Iterator["Running"]:
        """Show a job's way through `total` records, and its incidents."""
        with self._bars() as bars:
            yield Running(bars, bars.add_task(what, total=total))

    def _bars(self) -> Bars:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        return Bars(*columns, TimeElapsedColumn(), console=self._console)


class Running:
    """The running job's line."""

    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def reached(self, consumed: int) -> None:
        """Say how many records were read."""
        self._bars.update(self._task, completed=consumed, description="running the job")

    def incident(self, event: dict[str, Any]) -> None:
        """Say that an incident opened, changed or resolved."""
        data = event["data"]
        change = event["type"].split(".")[-2]
        colour = SEVERITY[data["severity"]] if change != "resolved" else "green"
        self._bars.console.print(
            f"[{colour}]{event['time'][11:19]} {change:<9}[/{colour}] {data['title']}", highlight=False
        )
