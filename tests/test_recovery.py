"""The live job on the real cluster, as users have it: submitted, asked, seen, stopped, gone on, killed."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

import msgspec
import psutil
import pytest
from typer.testing import CliRunner

from bench.faults_feed import Feeder
from bench.faults_load import SETTINGS, Load, topology
from crosstide.cli import app
from crosstide.cluster import local
from crosstide.cluster.kept import kept_job, write_kept
from crosstide.cluster.processes import free_ports, left_behind
from crosstide.cluster.reaper import is_worker, orphans
from crosstide.cluster.state import State, read_state
from tests.test_report_browser import browser

pytestmark = [pytest.mark.kills, pytest.mark.timeout(900)]
#: Ports that no setting binds to an address: Beam's, between a TaskManager and its own Python workers. Named in
#: docs/reliability.md, "What listens". Nothing else may listen abroad.
NAMED = ("taskmanager",)
_open = build_opener(ProxyHandler({})).open


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def cluster(run_dir: Path) -> Iterator[State]:
    state = local.up(run_dir, 2, print, metrics=True)
    try:
        yield state
    finally:
        local.down(run_dir)
    assert left_behind(run_dir) == []


@pytest.fixture(scope="module")
def live(cluster: State, run_dir: Path) -> Iterator[Feeder]:
    """The pipeline, submitted by the command, and a load that goes on for three minutes."""
    (run_dir / "topology.yaml").write_text(topology())
    words = [word for override in SETTINGS for word in ("--set", override)]
    done = call(run_dir, "submit", "pipeline", "--topology", str(run_dir / "topology.yaml"), *words)
    assert done.exit_code == 0, done.output
    feeder = Feeder(cluster.broker.bootstrap, "", Load(int(time.time() * 1000) // 60_000 * 60_000 - 600_000, 180))
    feeder.start()
    wait(lambda: status(run_dir)["totals"].get("telemetry", {}).get("scored", 0) > 1000, 120)
    yield feeder
    feeder.finished(600)


def call(run_dir: Path, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--run-dir", str(run_dir)])


def status(run_dir: Path) -> dict[str, Any]:
    done = call(run_dir, "status", "--json")
    return dict(json.loads(done.stdout)) if done.exit_code == 0 else {"totals": {}}


def wait(true: Any, deadline_s: float) -> None:
    deadline = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.5)


def metrics(cluster: State) -> str:
    with _open(f"http://127.0.0.1:{cluster.metrics_port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def test_status_answers_every_question(live: Feeder, cluster: State, run_dir: Path) -> None:
    told = status(run_dir)
    assert told["state"] == "RUNNING"
    assert told["checkpoint_age_s"] < 30
    assert told["uptime_s"] > 0
    assert set(told["lag"]) >= {"model-outputs", "telemetry"}
    assert sum(told["state_bytes"].values()) > 1000
    assert told["tracked_services"] > 0
    said = call(run_dir, "status").output
    for question in ("restarts", "checkpoint", "event time", "lag", "late", "dead letters", "incidents", "warming up"):
        assert question in said


def test_nothing_listens_abroad_but_what_is_named(live: Feeder, cluster: State, run_dir: Path) -> None:
    abroad: dict[str, list[int]] = {}
    names = {process.pid: process.name for process in cluster.parts}
    for process in left_behind(run_dir):
        for connection in psutil.Process(process.pid).net_connections():
            if connection.status == psutil.CONN_LISTEN and not _near(connection.laddr.ip):
                abroad.setdefault(names.get(process.pid, process.name), []).append(connection.laddr.port)
    reporter = set(cluster.flink.metrics_ports)
    assert {name for name, ports in abroad.items() if set(ports) - reporter} <= set(NAMED), abroad


def _near(address: str) -> bool:
    return address.removeprefix("::ffff:") in ("127.0.0.1", "::1")


def test_our_metrics_and_flink_s_are_scraped_by_a_real_prometheus(live: Feeder, cluster: State, tmp_path: Path) -> None:
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("no prometheus on this machine (Debian: apt-get install prometheus)")
    ours, [port] = f"127.0.0.1:{cluster.metrics_port}", free_ports(1)
    flink = [f"127.0.0.1:{one}" for one in cluster.flink.metrics_ports]
    targets = [{"job_name": "crosstide", "static_configs": [{"targets": [ours]}]},
               {"job_name": "flink", "static_configs": [{"targets": flink}]}]  # fmt: skip
    rules = Path(__file__).parent.parent / "flink-conf" / "alerts.yaml"
    shutil.copy(rules, tmp_path)
    conf = {"global": {"scrape_interval": "2s"}, "rule_files": ["alerts.yaml"], "scrape_configs": targets}
    (tmp_path / "prometheus.yml").write_text(json.dumps(conf))
    command = [prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=data",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log) as server:
        try:
            for query in ("crosstide_up == 1", "crosstide_incidents_open", "crosstide_tracked_services",
                          "crosstide_warming_up_keys", "crosstide_state_bytes > 0", "crosstide_lag_records",
                          'crosstide_events_total{result="scored"} > 0', 'crosstide_process_up{name="watcher"} == 1',
                          "flink_jobmanager_job_numRestarts",
                          "flink_taskmanager_job_task_operator_stream_tracked_services"):  # fmt: skip
                wait(lambda query=query: answered(port, query), 60)
        finally:
            server.terminate()


def answered(port: int, query: str) -> bool:
    try:
        with _open(f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}", timeout=10) as answer:
            return bool(json.loads(answer.read())["data"]["result"])
    except OSError:
        return False


def test_the_web_page_shows_the_stages_by_their_names(
    live: Feeder, cluster: State, run_dir: Path, tmp_path: Path
) -> None:
    job = status(run_dir)["job_id"]
    picture = tmp_path / "flink.png"
    command = [browser(), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
               "--virtual-time-budget=15000", "--window-size=1600,1000"]  # fmt: skip
    page = f"{cluster.flink.url}/#/job/running/{job}/overview"
    done = subprocess.run([*command, "--dump-dom", page], capture_output=True, text=True, timeout=120, check=True)
    for stage in ("score model windows", "score infra windows", "correlate by service"):
        assert stage in done.stdout
    subprocess.run([*command, f"--screenshot={picture}", page], capture_output=True, timeout=120, check=True)
    assert picture.stat().st_size > 20_000


def test_a_second_job_of_the_same_name_is_refused(live: Feeder, run_dir: Path) -> None:
    done = call(run_dir, "submit", "pipeline")
    assert done.exit_code == 2
    assert "already runs as 'crosstide: pipeline'" in " ".join(done.output.split())


def test_a_job_goes_on_from_its_savepoint_and_another_pane_is_refused(live: Feeder, run_dir: Path) -> None:
    before = status(run_dir)["totals"]["telemetry"]["consumed"]
    stopped = call(run_dir, "stop")
    assert stopped.exit_code == 0, stopped.output
    place = stopped.stdout.strip().splitlines()[-1]
    words = ["submit", "pipeline", "--from", place, "--topology", str(run_dir / "topology.yaml")]
    same = [word for override in SETTINGS for word in ("--set", override)]
    other = call(run_dir, *words, *same, "--set", "windows.pane=500ms")
    assert other.exit_code == 2
    assert "windows.pane was 1s and is 500ms" in " ".join(other.output.split())
    assert call(run_dir, *words, *same).exit_code == 0
    # what the old job committed as it stopped is counted here already; more comes from the new one alone
    stopped_at = status(run_dir)["totals"]["telemetry"]["consumed"]
    assert stopped_at >= before
    wait(lambda: status(run_dir)["totals"].get("telemetry", {}).get("consumed", 0) > stopped_at, 120)


def test_a_job_whose_id_was_lost_is_known_again_by_its_name(live: Feeder, cluster: State, run_dir: Path) -> None:
    kept = kept_job(run_dir, "crosstide")
    # as if the client had died after the cluster took the job, and before it could tell the id
    write_kept(run_dir, msgspec.structs.replace(kept, job_ids=["0" * 32]))
    wait(lambda: kept_job(run_dir, "crosstide").job_id == kept.job_id, 60)
    assert [job["jid"] for job in cluster.flink.rest.running()] == [kept.job_id]


def test_orphan_workers_are_reaped_after_a_kill(live: Feeder, cluster: State, run_dir: Path) -> None:
    state = read_state(run_dir)
    assert state is not None
    workers = [one for one in left_behind(run_dir) if is_worker(one)]
    assert [one for one in workers if one.name.startswith("python")]
    command = psutil.Process(state.flink.taskmanager.pid).cmdline()
    psutil.Process(state.flink.taskmanager.pid).kill()
    wait(lambda: not any(one.alive() for one in workers), 60)
    wait(lambda: not orphans(run_dir), 30)
    wait(lambda: status(run_dir).get("state") == "RUNNING", 120)
    assert "crosstide_process_starts_total" in metrics(cluster)
    now = read_state(run_dir)
    assert now is not None
    assert now.flink.taskmanager.pid != state.flink.taskmanager.pid
    assert psutil.Process(now.flink.taskmanager.pid).cmdline() == command
