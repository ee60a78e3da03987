"""The variants (a) to (g), each as a run on a load; what is the same for all is in `bench/speed_run.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.speed_data import Kind, Load
from bench.speed_env import ROOT
from bench.speed_run import FlinkJob, Measured, run_job, run_peers
from bench.speed_site import Site
from crosstide.cluster.flink import FlinkCluster
from crosstide.cluster.processes import free_ports
from crosstide.cluster.wheel import site_packages

JOBS = ROOT / "bench" / "speed_jobs"
ENTRIES: dict[Kind, str] = {"model-outputs": "model_anomalies", "telemetry": "infra_anomalies"}
#: How large a load a variant can take.
Pace = Literal["fast", "middle", "slow"]
#: What a variant runs on; without a cluster it is a peer.
Run = Callable[[Site, FlinkCluster | None, Load], Measured]


@dataclass(frozen=True)
class Variant:
    """A competitor: its letter in the table, its name, how it runs."""

    letter: str
    name: str
    run: Run
    on_flink: bool
    #: which sizes it is given: what takes seconds for one would take hours for another
    pace: Pace = "fast"


def ours(
    artifacts: Path | None, overrides: Sequence[str] = (), without: str = "nothing", flink: Sequence[str] = ()
) -> FlinkJob:
    """Answer our shipped job, with settings of ours and of Flink's (KEY=VALUE); `without`: a part to leave out."""

    def entry(site: Site, load: Load) -> Path:
        shipped = site_packages(site.python) / "jobs" / f"{ENTRIES[load.kind]}.py"
        return shipped if without == "nothing" else JOBS / "ours.py"

    def arguments(site: Site, load: Load, _output: str) -> list[str]:
        told = ["--bootstrap", site.bootstrap, "--bounded", "--prefix", load.prefix]
        told += ["--artifacts", str(artifacts)] if artifacts is not None else []
        told += [word for override in overrides for word in ("--set", override)]
        told += [word for setting in flink for word in ("--flink", setting)]
        return told if without == "nothing" else ["--without", without, "--job", ENTRIES[load.kind], "--", *told]

    return FlinkJob(entry, arguments, own_outputs=True)


def counting(parse: str | None) -> FlinkJob:
    """Answer Flink counting; `parse` None: the fields of the load's own messages."""

    def arguments(site: Site, load: Load, output: str) -> list[str]:
        told = ["--bootstrap", site.bootstrap, "--topic", load.topic, "--output", output]
        return [*told, "--parse", parse or load.kind]

    return FlinkJob(lambda _site, _load: JOBS / "count.py", arguments)


def naive() -> FlinkJob:
    """Answer the job that everybody writes first."""

    def arguments(site: Site, load: Load, output: str) -> list[str]:
        return ["--bootstrap", site.bootstrap, "--topic", load.topic, "--output", output, "--kind", load.kind]

    return FlinkJob(lambda _site, _load: JOBS / "naive.py", arguments)


def on_flink(job: FlinkJob) -> Run:
    """Answer a job as a run."""

    def run(site: Site, cluster: FlinkCluster | None, load: Load) -> Measured:
        assert cluster is not None, "a job needs a cluster"
        return run_job(site, cluster, job, load)

    return run


def _peer(commands: Callable[[Site, Load, str], Sequence[Sequence[str]]]) -> Run:
    return lambda site, _cluster, load: run_peers(site, load, commands)


def _bytewax(_site: Site, _load: Load, _output: str) -> Sequence[Sequence[str]]:
    addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(2))
    flow = "bench.speed_peers.bytewax_flow:flow"
    return [["-m", "bytewax.run", flow, "-i", str(process), "-a", addresses] for process in range(2)]


def _quix(site: Site, load: Load, output: str) -> Sequence[Sequence[str]]:
    # a new group and an empty state each time: it reads from the beginning
    group = f"quix-{load.count}-{free_ports(1)[0]}"
    module, state = "bench.speed_peers.quix_app", site.run_dir / "quix" / group
    return [["-m", module, site.bootstrap, load.topic, output, group, str(state / str(n))] for n in range(2)]


def _by_hand(site: Site, load: Load, output: str) -> Sequence[Sequence[str]]:
    module = "bench.speed_peers.hand_written"
    return [["-m", module, site.bootstrap, load.topic, output, str(partition)] for partition in range(2)]


def variants(artifacts: Path, kind: Kind) -> list[Variant]:
    """Answer all that a kind of load is measured with: (a) to (g) for model outputs, (a) to (d) for telemetry."""
    flink = [
        Variant("a", "Flink, raw bytes counted", on_flink(counting("raw")), True),
        Variant("b", "Flink, JSON parsed and counted", on_flink(counting(None)), True),
        Variant("c", "Crosstide, all detectors", on_flink(ours(artifacts)), True),
        Variant("d", "naive PyFlink", on_flink(naive()), True, "slow"),
    ]
    peers = [
        Variant("e", "Bytewax", _peer(_bytewax), False, "middle"),
        Variant("f", "Quix Streams", _peer(_quix), False, "slow"),
        Variant("g", "by hand, polars", _peer(_by_hand), False),
    ]
    return [*flink, *peers] if kind == "model-outputs" else flink
