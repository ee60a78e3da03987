"""The command line. Exit codes: 0 fine, 1 the answer is no (a check or a run found something), 2 bad input."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from crosstide.cluster.cli import app as cluster
from crosstide.cluster.dlq_cli import app as dlq
from crosstide.cluster.job_cli import savepoint, status, stop, submit
from crosstide.cluster.ops_cli import metrics, topics
from crosstide.lab.cli import app as lab
from crosstide.progress import Progress
from models.config_problems import ConfigErrors

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Joins what models say with what machines do, and writes one incident with its cause.",
    epilog="Start here: [bold]crosstide lab record[/bold] makes data, [bold]train[/bold] learns from a quiet part, "
    "[bold]run[/bold] finds incidents, [bold]score[/bold] says how well.",
)
app.add_typer(lab, name="lab")
app.add_typer(cluster, name="cluster")
app.add_typer(dlq, name="dlq")
for command in (submit, status, savepoint, stop, topics, metrics):
    app.command()(command)
errors = Console(stderr=True, soft_wrap=True)

ConfigOption = Annotated[Path | None, typer.Option(help="Pipeline configuration; default: the shipped pipeline.yaml.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key, as windows.size=1m; repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
InputOption = Annotated[
    Path,
    typer.Option(
        help="Folder with any of model-outputs, telemetry, labels, changes (.jsonl or .jsonl.gz), topology.yaml."
    ),
]


@app.command()
def check(
    config: ConfigOption = None,
    overrides: SetOption = None,
    topology: Annotated[Path | None, typer.Option(help="A topology.yaml to check with it.")] = None,
    json: JsonOption = False,
) -> None:
    """Check a configuration: syntax, schema, meaning. All errors at once, each with file, line and column.

    Example: crosstide check --config pipeline.yaml --set windows.size=1m
    """
    from crosstide.check import check as run_check

    raise typer.Exit(run_check(config, overrides or [], topology, json))


@app.command()
def train(
    input: InputOption,
    output: Annotated[Path, typer.Option(help="Folder for the artifacts; made where missing.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Learn artifacts from a quiet reference period: baselines, calibrations, isolation forests.

    Never train on data that you will judge afterwards.

    Example: crosstide train --input reference --output artifacts
    """
    from crosstide.train import TooLittleError
    from crosstide.train import train as run_train
    from jobs.settings import load_pipeline

    try:
        pipeline = load_pipeline(config, overrides or [], beside=input)
        if not input.is_dir():
            _refuse(f"{input} is not a folder; --input takes the folder that holds the reference period")
        artifacts, notes = run_train(input, output, pipeline)
    except (ConfigErrors, TooLittleError, OSError) as error:
        _refuse(str(error))
    for note in notes:
        errors.print(f"[yellow]not learned[/yellow]: {escape(note)}")
    learned = {"id": artifacts.id, "forests": sorted(artifacts.forests), "baselines": len(artifacts.baselines)}
    learned["drift_profiles"] = sum(map(len, artifacts.drift.values()))
    if json:
        print(jsonlib.dumps({**learned, "not_learned": notes}))
    else:
        forests = ", ".join(learned["forests"]) or "no forest"  # type: ignore[arg-type]
        counts = f"{learned['baselines']} baselines, {learned['drift_profiles']} drift profiles"
        Console().print(f"{output}: artifacts {artifacts.id}: {forests}; {counts}")


@app.command()
def run(
    input: InputOption,
    output: Annotated[Path, typer.Option(help="Folder for incidents, scores, dead letters, summary and report.")],
    artifacts: Annotated[Path | None, typer.Option(help="Folder that `crosstide train` wrote.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    truth: Annotated[
        Path | None, typer.Option(help="A truth.json to show beside the incidents; default: the input's own.")
    ] = None,
    fail_on_incidents: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when incidents were found.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the main job over files, in an embedded Flink mini-cluster.

    Example: crosstide run --input recording --artifacts artifacts --output out --set windows.size=1m
    """
    from crosstide.results import print_results
    from crosstide.run import InputError, RunRequest
    from crosstide.run import run as run_job
    from jobs.artifacts import ArtifactError
    from jobs.java import NoJavaError

    found = truth or (input / "truth.json" if (input / "truth.json").is_file() else None)
    request = RunRequest(input, output, artifacts, config, overrides or [], found)
    try:
        summary = run_job(request, Progress(errors))
    except (ConfigErrors, InputError, ArtifactError, NoJavaError) as error:
        _refuse(str(error))
    if json:
        print(jsonlib.dumps(summary))
    else:
        print_results(summary, output, found, Console())
    raise typer.Exit(1 if fail_on_incidents and summary["incidents"] else 0)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for artifacts, incidents and report.")] = Path("out/demo"),
) -> None:
    """Run on a shipped recording with known faults and traps, and show what was found."""
    from crosstide.demo import FAULTY
    from crosstide.demo import demo as run_demo
    from crosstide.results import print_results
    from crosstide.run import InputError
    from jobs.java import NoJavaError

    try:
        summary = run_demo(output, Progress(errors))
    except (ConfigErrors, InputError, NoJavaError, OSError) as error:
        _refuse(str(error))
    print_results(summary, output, FAULTY / "truth.json", Console())


@app.command()
def score(
    incidents: Annotated[Path, typer.Option(help="An incidents.jsonl.")],
    truth: Annotated[Path, typer.Option(help="The truth.json of the recording.")],
    window: Annotated[
        str | None, typer.Option(help="Window size, as 10s; default: from summary.json beside it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Score incidents against the recorded truth: precision, recall, time to detect, cause; with intervals.

    Example: crosstide score --incidents out/incidents.jsonl --truth recording/truth.json
    """
    from crosstide.results import window_of
    from crosstide.score_print import score_files

    try:
        window_ms = window_of(incidents, window)
    except ValueError as error:
        _refuse(str(error))
    raise typer.Exit(score_files(incidents, truth, window_ms, as_json=json))


def _refuse(message: str) -> NoReturn:
    errors.print(f"[red]error[/red]: {escape(message)}", highlight=False)
    raise typer.Exit(2)


def main() -> None:
    """Run the command line."""
    app()
