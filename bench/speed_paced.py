"""The live runs: at least once, exactly once, and a minute of backlog at full speed.

All read the same messages, byte for byte, in event time; only when they come to the job differs. Incidents of the job
that started a minute late must be those of the one that was there, and no record may have been late.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.speed_arrivals import Arrivals, sent_ns
from bench.speed_data import PARTITIONS
from bench.speed_latency import Log, latencies
from bench.speed_learn import learned
from bench.speed_live import OVERRIDES, RATE, SERVICES, TELEMETRY_RATE, feeding, fresh, live_job, live_loads, start
from bench.speed_site import Site
from crosstide.cluster.replay import incidents_of
from crosstide.cluster.replay_command import comparable

#: Two minutes are measured, behind half a minute in which the job compiles.
SECONDS, SKIPPED_S, BACKLOG_S, LEARNED_MINUTES = 150, 30, 60, 2
#: A quiet topic of incidents for so long: all windows have ended.
SETTLED_S = 8.0
#: By the name of the result: the guarantee, and how much later than its stream the job starts.
RUNS = {
    "at_least_once": ("at-least-once", 0),
    "exactly_once": ("exactly-once", 0),
    "burst": ("at-least-once", BACKLOG_S),
}
FOLLOWED = ("model-scores", "incidents", "state")


@dataclass(frozen=True)
class Live:
    """What a live run left: latencies, comparable incidents, late records, seconds until the backlog was read."""

    latency: dict[str, Any]
    incidents: list[str]
    late: int
    caught_up_s: float


def measure_live(site: Site, work: Path, seconds: int, say: Console) -> dict[str, Any]:
    """Answer `latency_ms` by guarantee, and `burst`: whether incidents are equal, late records, time to catch up."""
    artifacts = learned(work / "live", SERVICES, RATE, OVERRIDES, TELEMETRY_RATE, LEARNED_MINUTES)
    runs = {}
    for name, (guarantee, wait_s) in RUNS.items():
        runs[name] = run_live(site, artifacts, guarantee, seconds, min(wait_s, seconds // 2))
        say.print(f"live, {name}: {runs[name].latency}, {runs[name].late} late", style="dim", highlight=False)
    paced, behind = runs["at_least_once"], runs["burst"]
    burst = {
        "incidents_equal": paced.incidents == behind.incidents and bool(paced.incidents),
        "revisions": len(paced.incidents), "revisions_after_backlog": len(behind.incidents),
        "late_records": paced.late, "late_records_after_backlog": behind.late,
        "backlog_messages": min(BACKLOG_S, seconds // 2) * RATE, "caught_up_s": behind.caught_up_s,
        "exactly_once_incidents_equal": paced.incidents == runs["exactly_once"].incidents,
    }  # fmt: skip
    return {"latency_ms": {name: runs[name].latency for name in ("at_least_once", "exactly_once")}, "burst": burst}


def run_live(site: Site, artifacts: Path, guarantee: str, seconds: int, wait_s: int) -> Live:
    """Feed at the pace of event time, the job starting `wait_s` later; answer what it left."""
    answers, telemetry = live_loads(seconds)
    fresh(site, answers)
    job = live_job(artifacts, guarantee, answers.prefix)
    topics = [answers.prefix + name for name in FOLLOWED]
    with site.cluster() as cluster, tempfile.TemporaryDirectory() as logs, \
            Arrivals(site.bootstrap, topics).following() as arrivals:  # fmt: skip
        job_id = None if wait_s else start(site, cluster, job, answers)
        caught_up_s = 0.0
        with feeding(site, (answers, telemetry), Path(logs)) as feeders:
            begun = time.monotonic()
            if job_id is None:
                time.sleep(wait_s)  # the backlog grows; nothing is waited for
                job_id = start(site, cluster, job, answers)
                caught_up_s = _caught_up(arrivals, begun)
            for feeder in feeders:
                if feeder.wait(seconds + 60):
                    raise RuntimeError(f"a feeder ended with code {feeder.returncode}")
        arrivals.until_read("model-outputs", answers.count)
        _until_settled(site, answers.prefix + "incidents")
        cluster.rest.cancel(job_id)
        sent = {load.kind: _logs(Path(logs), load.kind) for load in (answers, telemetry)}
    from_ms = answers.start_ms + 1000 * min(SKIPPED_S, seconds // 2)
    late = sum(arrivals.total(topic, "late") for topic in ("model-outputs", "telemetry"))
    told = latencies(arrivals.seen, sent, answers, from_ms)
    return Live(told, comparable(incidents_of(site.bootstrap, answers.prefix)), late, caught_up_s)


def _caught_up(arrivals: Arrivals, begun: float) -> float:
    """Wait until what was sent two seconds ago has been read; answer the seconds since now."""
    started = time.monotonic()
    while arrivals.total("model-outputs") < RATE * (time.monotonic() - begun - 2):
        time.sleep(0.1)
    return time.monotonic() - started


def _logs(folder: Path, kind: str) -> list[Log]:
    return [sent_ns(folder / f"{kind}-{partition}") for partition in range(PARTITIONS)]


def _until_settled(site: Site, topic: str) -> None:
    """Wait until no more incidents come."""
    known, since = -1, time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        now = site.count([topic])
        if now != known:
            known, since = now, time.monotonic()
        time.sleep(0.5)
