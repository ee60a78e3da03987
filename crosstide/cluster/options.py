"""What the commands about the cluster's jobs share: options, and one way to refuse."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from kafka.errors import KafkaError
from rich.console import Console

from crosstide.cluster.errors import ClusterError
from jobs.artifact_manifest import ArtifactError
from jobs.java import NoJavaError
from jobs.shipped import NotShippedError
from models.config_problems import ConfigErrors

Entry = Literal["pipeline", "model_anomalies", "infra_anomalies", "incidents"]
RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder of the cluster that `crosstide cluster up` started.")]
Name = Annotated[str, typer.Option("--name", help="Name of the job.")]
Prefix = Annotated[str, typer.Option("--prefix", help="Stands before the name of every topic.")]
Bootstrap = Annotated[str | None, typer.Option(help="Kafka's address; default: the local cluster's.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
DEFAULT_RUN_DIR = Path("run")
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
REFUSED = (ClusterError, NoJavaError, NotShippedError, ConfigErrors, ArtifactError, KafkaError, LookupError, OSError)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what can go wrong into one red text and exit code 2."""
    try:
        yield
    except REFUSED as error:
        err.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(2) from None
