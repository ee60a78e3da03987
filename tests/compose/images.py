"""Stand-in images, for an engine of our own where no registry is reached.

They carry the names that docker-compose.yml and our Dockerfile ask for, so that both run as they are: Debian's base by
debootstrap from the machine's own mirror, Kafka from the jars that Maven brings, Prometheus from Debian's package.
Grafana has none: Debian does not have it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from crosstide.cluster.jars import broker_jars

BASE, KAFKA, PROMETHEUS = "debian:bookworm-slim", "apache/kafka:4.1.1", "prom/prometheus:v2.55.1"
NAMES = (BASE, KAFKA, PROMETHEUS)
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
#: What the machine trusts and how it reaches its package index: a build needs the same.
KEPT = ("etc/pip.conf", "usr/local/share/ca-certificates")
#: `run("docker", ...)` with the engine; returns the output.
Run = Callable[..., str]

_KAFKA = f"""FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless \\
    && rm -rf /var/lib/apt/lists/* && useradd --uid 1000 --create-home appuser \\
    && mkdir -p /opt/kafka /var/lib/kafka/data /etc/kafka/docker && chown -R appuser /var/lib/kafka
COPY jars /opt/kafka/libs
COPY run /etc/kafka/docker/run
USER appuser
VOLUME /var/lib/kafka/data
CMD ["bash", "/etc/kafka/docker/run"]
"""
_PROMETHEUS = f"""FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends prometheus wget \\
    && rm -rf /var/lib/apt/lists/* && mkdir -p /etc/prometheus /prometheus && chown 65534 /prometheus
USER 65534
VOLUME /prometheus
ENTRYPOINT ["/usr/bin/prometheus"]
"""


def make_all(run: Run, work: Path) -> None:
    """Make every image below `work`; the engine keeps what has not changed, so a second time takes seconds."""
    if not run("docker", "images", "-q", BASE).strip():
        _base(run, work / "base")
    _built(run, KAFKA, _KAFKA, work / "kafka", {"jars": broker_jars(), "run": Path(__file__).parent / "kafka-run"})
    _built(run, PROMETHEUS, _PROMETHEUS, work / "prometheus", {})


def _base(run: Run, root: Path) -> None:
    """Make the base of the machine's own mirror, trusting what the machine trusts."""
    mirror = next(line.split()[1] for line in SOURCES.read_text().splitlines() if line.startswith("URIs:"))
    shutil.rmtree(root, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", str(root), mirror)
    shutil.copy(SOURCES, root / "etc/apt/sources.list.d/debian.sources")
    (root / "etc/apt/sources.list").write_text("")
    for kept in KEPT:
        here = Path("/") / kept
        if here.is_dir():
            shutil.copytree(here, root / kept, dirs_exist_ok=True)
        elif here.is_file():
            shutil.copy(here, root / kept)
    run("chroot", str(root), "update-ca-certificates")
    run("bash", "-c", f"set -o pipefail; tar -C '{root}' -c . | docker import - {BASE}")
    shutil.rmtree(root)


def _built(run: Run, name: str, dockerfile: str, context: Path, files: dict[str, Path]) -> None:
    context.mkdir(parents=True, exist_ok=True)
    for inside, path in files.items():
        if path.is_dir():
            shutil.copytree(path, context / inside, dirs_exist_ok=True)
        else:
            shutil.copy(path, context / inside)
    (context / "Dockerfile").write_text(dockerfile)
    run("docker", "build", "-t", name, str(context))
