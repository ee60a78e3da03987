"""What each part costs by CPU: the job without one detector, without dead letters, without accounts, without inputs.

All runs are of one size on one warm cluster, so that starting costs all of them the same and their difference is the
part's. The whole runs first and last: how far those two are apart says how much to believe.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.speed_data import Load
from bench.speed_run import FlinkJob, run_job
from bench.speed_site import Site
from bench.speed_variants import ours
from jobs.settings import load_pipeline

#: One broken message in so many, for the cost of dead letters.
BAD_EVERY = 1_000
FIRST, LAST = "everything", "everything, again"


def ablate(site: Site, artifacts: Path, load: Load, say: Console) -> dict[str, Any]:
    """Answer microseconds of CPU a message of every variant, starting included, and what is saved against the whole."""
    bad = replace(load, bad_every=BAD_EVERY)
    for one in (load, bad):
        site.feed(one)
    runs: dict[str, tuple[FlinkJob, Load]] = {
        FIRST: (ours(artifacts), load),
        **{f"without {kind}": (ours(artifacts, [_without(kind)]), load) for kind in kinds()},
        "static alone": (ours(artifacts, ["detectors.model=[{kind: static}]"]), load),
        "without artifacts": (ours(None), load),
        "without accounting": (ours(artifacts, without="accounting"), load),
        f"1 in {BAD_EVERY} a dead letter": (ours(artifacts), bad),
        LAST: (ours(artifacts), load),
    }
    cost: dict[str, float] = {}
    with site.cluster() as cluster:
        run_job(site, cluster, ours(artifacts), load)
        for name, (job, its_load) in runs.items():
            cost[name] = 1e6 * run_job(site, cluster, job, its_load).cpu_s / its_load.count
            say.print(f"ablation, {name}: {cost[name]:.2f} us CPU a message", style="dim", highlight=False)
    return told(cost)


def kinds() -> list[str]:
    """Name the detectors of model outputs that the shipped configuration lists."""
    return [str(entry["kind"]) for entry in load_pipeline().detectors.model]


def told(cost: dict[str, float]) -> dict[str, Any]:
    """Compare each with the mean of the two whole runs."""
    whole = (cost[FIRST] + cost[LAST]) / 2
    return {name: {"cpu_us": each, "saved_us": whole - each} for name, each in cost.items()}


def _without(left_out: str) -> str:
    kept = ", ".join(f"{{kind: {kind}}}" for kind in kinds() if kind != left_out)
    return f"detectors.model=[{kept}]"
