"""`crosstide topics | metrics`: what is there, and how it goes, for people and for Prometheus."""

import time
from typing import Annotated

import typer

from crosstide.cluster.exporter import Job, serve
from crosstide.cluster.options import DEFAULT_RUN_DIR, Bootstrap, Entry, Name, Prefix, RunDir, err, out, refusing
from crosstide.cluster.state import running_state
from crosstide.cluster.topics import create_topics, prefixed, present


def topics(
    run_dir: RunDir = DEFAULT_RUN_DIR,
    bootstrap: Bootstrap = None,
    prefix: Prefix = "",
    create: Annotated[bool, typer.Option("--create", help="Create those that are missing.")] = False,
) -> None:
    """List the topics of the pipeline and how each is kept; exit code 1 when one is missing."""
    with refusing():
        address = bootstrap or running_state(run_dir).broker.bootstrap
        if create:
            for made in create_topics(address, prefixed(prefix)):
                out.print(f"created {made}")
        there = present(address)
    for topic in prefixed(prefix):
        how = "compacted: the newest of each key" if topic.compact else "everything"
        found = f"{there[topic.name]} partitions" if topic.name in there else "MISSING"
        out.print(f"{topic.name:20} {found:14} {how}")
    raise typer.Exit(0 if all(topic.name in there for topic in prefixed(prefix)) else 1)


def metrics(
    flink: Annotated[str, typer.Option(help="REST address of Flink.")] = "http://127.0.0.1:8081",
    bootstrap: Annotated[str, typer.Option(help="Kafka's address.")] = "127.0.0.1:9092",
    prefix: Prefix = "",
    name: Name = "crosstide",
    entry: Annotated[Entry, typer.Option(help="Which of the jobs.")] = "pipeline",
    listen: Annotated[str, typer.Option(help="Where `/metrics` is served, host:port.")] = "127.0.0.1:9464",
) -> None:
    """Serve the metrics of a job, until interrupted. The local cluster's watcher does so by itself."""
    with refusing():
        server = serve(listen, Job(flink, bootstrap, prefix, name, entry))
    err.print(f"serving http://{listen}/metrics")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.shutdown()
