"""`crosstide lab live` and `crosstide lab fault`: the lab without end, and faults on demand."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console

from crosstide.lab.children import ChildFailedError
from crosstide.lab.client import CallError
from crosstide.lab.cores import TooFewCoresError
from crosstide.lab.files import OccupiedError
from crosstide.lab.live import live as run
from crosstide.lab.live_control import AlreadyRunningError, NoLiveLabError, ask
from crosstide.lab.live_sink import FolderSink, KafkaSink, Sink, SinkError
from crosstide.lab.shop import RATES, TOPOLOGY
from models.durations import parse_duration

errors = Console(stderr=True, soft_wrap=True)


def live(
    bootstrap: Annotated[str | None, typer.Option(help="Kafka, as 127.0.0.1:9092, to publish to.")] = None,
    prefix: Annotated[str, typer.Option(help="Stands before the name of every topic.")] = "",
    output: Annotated[Path | None, typer.Option(help="Instead of Kafka, a folder whose files grow.")] = None,
    truth: Annotated[
        Path | None, typer.Option(help="File that gets a line for each fault; default: truth.jsonl in --output.")
    ] = None,
    topology: Annotated[Path | None, typer.Option(help="Write the lab's topology.yaml here, for the job.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the load.")] = 1,
    load: Annotated[float, typer.Option(min=0.1, help="Times the usual requests a second.")] = 1.0,
) -> None:
    """Run the lab without end: publish its records as they are made, and wait for `crosstide lab fault`.

    A fault's line of truth comes 45 seconds after its end, when the labels of its requests are known.

    Example: crosstide lab live --bootstrap 127.0.0.1:9092
    """
    if (bootstrap is None) == (output is None):
        _refuse("give either --bootstrap or --output: where the records are to go")
    stop = Event()
    try:
        with _stopped_by_signals(stop):
            sink: Sink = FolderSink(output) if output is not None else KafkaSink(str(bootstrap), prefix)
            if topology is not None:
                topology.write_text(TOPOLOGY)
            rates = {service: load * rate for service, rate in RATES.items()}
            lines = truth if truth is not None or output is None else output / "truth.jsonl"
            try:
                run(seed, rates, sink, lambda text: print(text, flush=True), lambda entry: _tell(entry, lines), stop)
            finally:
                sink.close()
    except (AlreadyRunningError, OccupiedError, TooFewCoresError, OSError, ValueError) as error:
        _refuse(str(error))
    except (ChildFailedError, CallError, SinkError) as error:
        _refuse(f"the lab failed: {error}", 1)
    except KeyboardInterrupt:
        _refuse("interrupted; nothing is left running", 130)
    print("ended; nothing is left running")


def fault(
    kind: Annotated[str, typer.Argument(help="Kind of fault: see `crosstide lab faults`.")],
    node: Annotated[str | None, typer.Option(help="Node to strike, as n1.")] = None,
    service: Annotated[str | None, typer.Option(help="Service to strike, as price.")] = None,
    link: Annotated[str | None, typer.Option(help="Calls to strike, as checkout/fraud.")] = None,
    lasting: Annotated[str, typer.Option("--for", help="How long, as 45s or 2m.")] = "45s",
    intensity: Annotated[float, typer.Option(min=0.05, max=1.0, help="How hard; plans draw from 0.4 to 1.")] = 0.7,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Let a fault strike the lab that `crosstide lab live` runs; returns as soon as it has begun.

    Without a target the first one of the kind is struck.

    Example: crosstide lab fault cpu_hog --node n1 --for 45s
    """
    targets = [f"{what}/{name}" for what, name in (("node", node), ("service", service), ("link", link)) if name]
    if len(targets) > 1:
        _refuse("give one of --node, --service and --link")
    try:
        seconds = parse_duration(lasting) / 1000
        order = {"kind": kind, "target": targets[0] if targets else None, "seconds": seconds, "intensity": intensity}
        said = ask(order)
    except (ValueError, NoLiveLabError, PermissionError) as error:
        _refuse(str(error))
    if "error" in said:
        _refuse(said["error"])
    print(json.dumps(said) if as_json else f"{said['id']} on {said['target']} until {said['end']}: {said['does']}")


@contextmanager
def _stopped_by_signals(stop: Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set `stop`; the second time they interrupt."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(entry: dict[str, Any], lines: Path | None) -> None:
    """Write a fault's truth down, and say what it did."""
    effect = entry["effect"] or {}
    hurt = f"hurt {effect['service']} ({effect['measure']})" if effect else "hurt nobody, as far as was measured"
    print(f"fault {entry['id']} on {entry['target']} from {entry['start']} to {entry['end']}: {hurt}", flush=True)
    if lines is not None:
        with lines.open("ab") as sink:
            sink.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))


def _refuse(text: str, code: int = 2) -> NoReturn:
    errors.print(text, style="red", markup=False, highlight=False)
    raise typer.Exit(code)
