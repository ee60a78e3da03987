"""`crosstide lab`: record what real services do while real faults strike."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from crosstide.lab import files, live_cli
from crosstide.lab.children import ChildFailedError
from crosstide.lab.client import CallError
from crosstide.lab.cores import TooFewCoresError
from crosstide.lab.faults import kinds
from crosstide.lab.order_text import DEFAULT, command, named
from crosstide.lab.plan import PlanError, Spacing
from crosstide.lab.record import WARM_UP_S, Order, Recording
from crosstide.lab.record import record as make
from crosstide.lab.shop import RATES

app = typer.Typer(no_args_is_help=True, help="Record real model services while real faults strike, with the truth.")
app.command()(live_cli.live)
app.command()(live_cli.fault)
errors = Console(stderr=True)


@app.command("faults")
def list_faults(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List the kinds of faults: what each does, what it needs, and which are traps (they hurt nobody)."""
    rows = [
        {"kind": k.name, "does": k.does, "needs": k.needs, "targets": list(k.targets), "trap": k.trap,
         "lacking": k.requires()}
        for k in kinds().values()
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("kind", "what it does", "needs", "strikes", "trap", "here")
    for k in kinds().values():
        here = k.requires() or "yes"
        table.add_row(k.name, k.does, k.needs, ", ".join(k.targets), "yes" if k.trap else "", here)
    Console().print(table)


@app.command()
def record(
    output: Annotated[Path, typer.Option(help="Folder to write the recording into.")],
    minutes: Annotated[float, typer.Option(min=0.2, help="Length of the recording.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Decides load, order, places and strength of the faults.")] = 1,
    faults: Annotated[
        str, typer.Option(help="Kinds, by commas (`crosstide lab faults`); a+b: both at once; or all, or none.")
    ] = "none",
    fault_seconds: Annotated[float, typer.Option(min=10, help="Length of each fault.")] = DEFAULT.fault,
    lead_in: Annotated[
        float | None, typer.Option(min=15, help="Quiet seconds first; default 90 or 15 % of the run, the longer.")
    ] = None,
    quiet: Annotated[float, typer.Option(min=20, help="Quiet seconds between faults, at least.")] = DEFAULT.quiet,
    tail: Annotated[float, typer.Option(min=0, help="Quiet seconds at the end, at least.")] = DEFAULT.tail,
    load: Annotated[float, typer.Option(min=0.1, help="Times the usual requests a second.")] = 1.0,
    gzip: Annotated[bool, typer.Option("--gzip", help="Write .jsonl.gz.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a recording in the folder.")] = False,
) -> None:
    """Record four real model services under load, in real time, with faults by plan and the truth about them.

    Needs Linux, two cores, and a machine with nothing else to do.
    """
    said = command(locals())
    try:
        order = Order(
            minutes=minutes,
            seed=seed,
            faults=named(faults, lambda left_out: errors.print(left_out, style="yellow")),
            command=said,
            spacing=Spacing(fault_seconds, lead_in, quiet, tail),
            rates={service: load * rate for service, rate in RATES.items()},
        )
        files.claim(output, overwrite)
        with _termination_as_interrupt():
            made = _with_progress(order)
    except (PlanError, files.OccupiedError, TooFewCoresError) as error:
        _refuse(str(error), 2)
    except (ChildFailedError, CallError) as error:
        _refuse(f"the recording failed: {error}", 1)
    except KeyboardInterrupt:
        _refuse("stopped; nothing was written, and nothing is left running", 130)
    sizes = files.write(output, made.topics, {"truth.json": made.truth, "recording.json": made.notes}, gzip)
    _report(made, output, sizes)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end a recording the way Ctrl-C does, cleaning up."""

    def end(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    # a shell that starts a command in the background has it ignore SIGINT; a recorder must always be stoppable
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse(text: str, code: int) -> NoReturn:
    errors.print(text, style="red", markup=False, highlight=False)
    raise typer.Exit(code)


def _with_progress(order: Order) -> Recording:
    columns = (TextColumn("{task.description:32}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # one redraw a second: the recorder shares the machine with what it records
    with Progress(*columns, console=errors, refresh_per_second=1) as bar:
        task = bar.add_task("starting", total=order.seconds + WARM_UP_S)
        return make(order, lambda at, doing: bar.update(task, completed=at + WARM_UP_S, description=doing))


def _report(made: Recording, output: Path, sizes: dict[str, int]) -> None:
    if made.warning:
        errors.print(made.warning, style="yellow")
    table = Table("fault", "target", "strength", "hurt", "measure", "before", "during", box=box.SIMPLE)
    for fault in made.truth["faults"]:
        effect = fault["effect"] or dict.fromkeys(("service", "measure", "before", "during"), "-")
        row = (fault["id"], fault["target"], fault["intensity"], *(effect.values()))
        table.add_row(*map(str, row))
    errors.print(table)
    total = sum(sizes.values()) / 1e6
    errors.print(f"{output}: {total:.2f} MB, {sum(made.notes['records']['model-outputs'].values())} model outputs")
