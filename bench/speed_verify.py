"""The same small load through all competitors, and their outputs compared with ours: one work, or no race."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.speed_compare import Told, compare, ours_of, theirs_of
from bench.speed_data import Load
from bench.speed_site import Site
from bench.speed_variants import Variant, on_flink, ours
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.flink import FlinkCluster

#: Ten services take turns for 200 s: 100 messages a window of each, 200 windows.
LOAD = Load("model-outputs", 10, 100, 20_000)
#: They write no statistics, or are what the others are compared with.
NOT_COMPARED = ("a", "b", "c")


def verify(site: Site, artifacts: Path, variants: Sequence[Variant]) -> dict[str, Any]:
    """Answer what differs, by the letter of each variant that writes statistics, or why it could not run."""
    site.feed(LOAD)
    everything = on_flink(ours(artifacts, ["outputs.score_floor=0"]))
    answer: dict[str, Any] = {}
    with site.cluster() as cluster:
        everything(site, cluster, LOAD)
        told = ours_of(site.bootstrap, LOAD.prefix + "model-scores")
        answer["messages"] = sum(n for n, _ in told.values())
        for variant in variants:
            if variant.letter not in NOT_COMPARED:
                answer[variant.letter] = _difference(site, cluster, variant, told)
    return answer


def _difference(site: Site, cluster: FlinkCluster, variant: Variant, told: Told) -> dict[str, Any]:
    reason = site.peers.reason_against(variant.letter)
    if reason is not None:
        return {"not_compared": reason}
    try:
        variant.run(site, cluster if variant.on_flink else None, LOAD)
    except (ClusterError, RuntimeError) as error:
        return {"not_compared": str(error)[:500]}
    return compare(told, theirs_of(site.bootstrap, LOAD.prefix + "model-scores")).as_dict()
