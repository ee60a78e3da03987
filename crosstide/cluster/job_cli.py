"""`crosstide submit | status | savepoint | stop`: a job that runs until somebody stops it."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.health import look
from crosstide.cluster.health_text import lines
from crosstide.cluster.kept import Kept, kept_job, write_kept
from crosstide.cluster.ledger import Ledger
from crosstide.cluster.options import DEFAULT_RUN_DIR, Entry, JsonOption, Name, Prefix, RunDir, out, refusing
from crosstide.cluster.resume import begin
from crosstide.cluster.savepoints import note, shape_at
from crosstide.cluster.state import State, running_state
from crosstide.cluster.topics import create_topics, prefixed
from jobs.launch_names import group, job_title
from jobs.settings import load_pipeline
from jobs.shape import refusal, shape_of

ConfigOption = Annotated[Path | None, typer.Option(help="Pipeline configuration; default: the shipped one.")]
TopologyOption = Annotated[Path | None, typer.Option(help="topology.yaml: which entities carry which services.")]
ArtifactsOption = Annotated[Path | None, typer.Option(help="Folder that `crosstide train` wrote.")]


def submit(
    entry: Annotated[Entry, typer.Argument(help="Which of the jobs.")] = "pipeline",
    run_dir: RunDir = DEFAULT_RUN_DIR,
    name: Name = "crosstide",
    config: ConfigOption = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")] = None,
    topology: TopologyOption = None,
    artifacts: ArtifactsOption = None,
    prefix: Prefix = "",
    start: Annotated[str | None, typer.Option("--from", help="Savepoint to go on from.")] = None,
    parallelism: Annotated[int, typer.Option(min=0, help="How wide; 0: as the cluster says.")] = 0,
) -> None:
    """Submit a job that runs until it is stopped, also over the death of its JobManager.

    Before Flink is asked: the configuration, the artifacts, and that the savepoint fits the windows.

    Example: crosstide submit pipeline --topology topology.yaml --artifacts artifacts --from SAVEPOINT
    """
    with refusing():
        pipeline = load_pipeline(config, overrides or [], topology)
        state, shape = running_state(run_dir), shape_of(pipeline)
        _refuse_twice(state, name, entry)
        if start is not None and (why := refusal(shape_at(start), shape)) is not None:
            raise ClusterError(f"{start} does not fit: {why}")
        create_topics(state.broker.bootstrap, prefixed(prefix))
        arguments = ["--bootstrap", state.broker.bootstrap, "--name", name, "--prefix", prefix]
        for option, path in (("--config", config), ("--topology", topology), ("--artifacts", artifacts)):
            arguments += [] if path is None else [option, str(path.resolve())]
        arguments += [word for override in overrides or [] for word in ("--set", override)]
        kept = Kept(
            name=name, entry=entry, arguments=arguments, parallelism=parallelism, bootstrap=state.broker.bootstrap,
            prefix=prefix, shape=shape, job_ids=[], start=start,
        )  # fmt: skip
        out.print(f"{kept.title}: job {begin(kept, state, run_dir).job_id}, {state.flink.url}")


def status(run_dir: RunDir = DEFAULT_RUN_DIR, name: Name = "crosstide", as_json: JsonOption = False) -> None:
    """Say how a job is; exit code 1 when it does not run.

    State, uptime, restarts, last checkpoint, lag, late, dead letters, open incidents, warming up.
    """
    with refusing():
        state, kept = running_state(run_dir), kept_job(run_dir, name)
        ledger = Ledger(kept.bootstrap, kept.prefix)
        try:
            health = look(state.flink.rest, kept.job_id, kept.bootstrap, group(kept.name, kept.entry), ledger)
        finally:
            ledger.close()
    if as_json:
        gauges = {"tracked_services": health.gauge("tracked_services"), "warming_up": health.gauge("warming_up")}
        print(json.dumps({**msgspec.to_builtins(_plain(health)), **gauges}))
    else:
        for line in lines(health):
            out.print(line)
    raise typer.Exit(0 if health.state == "RUNNING" else 1)


def savepoint(run_dir: RunDir = DEFAULT_RUN_DIR, name: Name = "crosstide") -> None:
    """Take a savepoint of a running job, and print where it lies."""
    with refusing():
        print(_saved(running_state(run_dir), kept_job(run_dir, name), stop=False))


def stop(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    name: Name = "crosstide",
    drop_state: Annotated[bool, typer.Option("--drop-state", help="Cancel, and take no savepoint.")] = False,
) -> None:
    """Stop a job with a savepoint, print where it lies; `submit --from` goes on from there without loss or repeat."""
    with refusing():
        state, kept = running_state(run_dir), kept_job(run_dir, name)
        # said before it is done: the watcher must not take a stopped job for a dead one
        write_kept(run_dir, msgspec.structs.replace(kept, wanted=False))
        try:
            if drop_state:
                state.flink.rest.cancel(kept.job_id)
                out.print(f"{kept.title} is cancelled; its last checkpoints are kept")
            else:
                print(_saved(state, kept, stop=True))
                state.flink.rest.wait_state(kept.job_id, "FINISHED", 60)
        except ClusterError:
            write_kept(run_dir, kept)
            raise


def _refuse_twice(state: State, name: str, entry: str) -> None:
    running = state.flink.rest.running(job_title(name, entry))
    if running:
        raise ClusterError(
            f"job {running[0]['jid']} already runs as '{job_title(name, entry)}', and both would write with the same"
            " transactional ids: stop it first, or choose another --name"
        )


def _saved(state: State, kept: Kept, stop: bool) -> str:
    folder = (state.flink.home / "savepoints").as_uri()
    place = state.flink.rest.savepoint(kept.job_id, folder, stop)
    note(place, kept)
    return place


def _plain(health: object) -> dict[str, object]:
    """Return a health's fields without the gauges, whose keys are no texts."""
    return {key: value for key, value in vars(health).items() if key != "gauges"}
