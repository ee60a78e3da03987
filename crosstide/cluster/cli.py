"""`crosstide cluster`: a real Kafka and a real Flink on this machine, up and down."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from crosstide.cluster import local
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.state import State, read_state
from jobs.artifact_manifest import ArtifactError
from jobs.java import NoJavaError
from jobs.shipped import NotShippedError
from models.config_problems import ConfigErrors

app = typer.Typer(no_args_is_help=True, help="A real Kafka and a real Flink on this machine (loopback only).")
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)
RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder for messages, checkpoints, logs and the state file.")]
DEFAULT_RUN_DIR = Path("run")


@app.command()
def up(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    slots: Annotated[int, typer.Option(min=1, max=16, help="Task slots: how wide jobs can run.")] = 2,
    flink_metrics: Annotated[
        bool,
        typer.Option("--flink-metrics", help="Flink's own Prometheus reporter too; it listens on every interface."),
    ] = False,
) -> None:
    """Start a Kafka broker with the pipeline's topics, a Flink cluster, and who keeps both running; prints addresses.

    Started twice, it only prints the addresses. Needs Java 17 and, the first time, Maven and the network.
    """
    try:
        state = local.up(run_dir, slots, lambda text: _err.print(f"{text} ...", style="dim"), flink_metrics)
    except (ClusterError, NoJavaError, NotShippedError) as error:
        raise _failed(error) from None
    _print_addresses(state)


@app.command()
def replay(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    input: Annotated[Path | None, typer.Option(help="Folder of messages; default: the shipped recording.")] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(help="Folder that `crosstide train` wrote; default with the shipped recording: learned from it."),
    ] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="An incidents.jsonl of `crosstide run` to compare with; exit code 1 if it differs."),
    ] = None,
) -> None:
    """Feed messages to the running cluster, run the whole pipeline on them, and print the incidents on its topic.

    The pipeline's topics are emptied first. Start the cluster with `crosstide cluster up`.
    """
    from crosstide.cluster.replay_command import run_replay

    try:
        same = run_replay(run_dir, input, artifacts, overrides or [], against, _out, _err)
    except (ClusterError, NoJavaError, ConfigErrors, ArtifactError, OSError) as error:
        _err.print(f"error: {error}", style="red")
        raise typer.Exit(2) from None
    raise typer.Exit(0 if same else 1)


@app.command()
def follow(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    prefix: Annotated[str, typer.Option(help="Stands before the name of every topic.")] = "",
) -> None:
    """Print incidents of the running cluster as they are committed, until interrupted."""
    from crosstide.cluster.follow import follow as run_follow

    try:
        run_follow(run_dir, prefix, _out)
    except ClusterError as error:
        raise _failed(error) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@app.command()
def down(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Stop everything that `up` started from this folder, and check that it is gone. Nothing running is no error."""
    try:
        stopped = local.down(run_dir)
    except (ClusterError, NoJavaError, NotShippedError) as error:
        raise _failed(error) from None
    _out.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Say what runs and which jobs; exit code 1 when not all of it runs."""
    try:
        state = read_state(run_dir)
        if state is None:
            _out.print("nothing was started from this folder")
            raise typer.Exit(1)
        for name, alive in state.alive().items():
            _out.print(f"{name:12} {'running' if alive else 'gone'}")
        if not all(state.alive().values()):
            raise typer.Exit(1)
        for job in state.flink.rest.jobs():
            _out.print(f"{job['jid']}  {job['state']:10} {job['name']}")
    except (ClusterError, NoJavaError, NotShippedError) as error:
        raise _failed(error) from None
    _print_addresses(state)


def _print_addresses(state: State) -> None:
    _out.print(f"Kafka     {state.broker.bootstrap}")
    _out.print(f"Flink     {state.flink.url}  (web page)")
    if state.metrics_port:
        _out.print(f"metrics   http://127.0.0.1:{state.metrics_port}/metrics")
    for port in filter(None, state.flink.metrics_ports):
        _out.print(f"          http://127.0.0.1:{port}/metrics  (Flink's own)")
    _out.print(f"Python    {state.python}", soft_wrap=True)


def _failed(error: ClusterError | NoJavaError | NotShippedError) -> typer.Exit:
    _err.print(str(error), markup=False, style="red", soft_wrap=True)
    return typer.Exit(1)
