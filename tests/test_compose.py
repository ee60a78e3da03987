"""docker-compose.yml: what can be read off it, and, where containers run, all of it at work (`make test-compose`)."""

import json
import os
import re
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

from crosstide.cluster.exposition import METRICS
from crosstide.cluster.replay_command import read_lines
from jobs.settings import load_pipeline
from tests.compose.client import NoEngineError, compose_words
from tests.compose.stack import FILE, HEALTHY, Stack, prepared, stack, wait_for
from tests.compose.traffic import difference, halves, send
from tests.compose_engine import engine
from tests.small_recording import recording

ROOT = FILE.parent
FAULTY = recording() / "faulty"
DASHBOARD = ROOT / "flink-conf" / "grafana" / "dashboards" / "crosstide.json"
#: Halves come minutes apart, and in between nothing does: no partition may be taken for idle, or the order of feeding
#: would decide what is late.
ARGUMENTS = (
    "--topology /data/topology.yaml --artifacts /data/artifacts --set outputs.score_floor=0 "
    "--set windows.idle_timeout=20m"
)


def services() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = YAML(typ="safe").load(FILE)["services"]
    return loaded


def queries() -> list[str]:
    return [target["expr"] for panel in json.loads(DASHBOARD.read_bytes())["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("name", services())
def test_a_service_has_limits_no_rights_and_ports_on_the_loopback_only(name: str) -> None:
    service = services()[name]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "logging"} <= set(service)
    assert not {"privileged", "network_mode", "pid", "cap_add"} & set(service)


def test_no_secret_is_a_variable() -> None:
    for service in services().values():
        secret = [name for name in service.get("environment", {}) if re.search("PASSWORD|SECRET|TOKEN", name)]
        assert all(name.endswith("__FILE") for name in secret)


def test_the_image_is_called_after_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {one["image"] for one in services().values() if "build" in one} == {f"crosstide:{version}"}


def test_every_target_of_prometheus_is_a_service_of_the_file() -> None:
    loaded = YAML(typ="safe").load(ROOT / "flink-conf" / "prometheus.yml")
    targets = [target for job in loaded["scrape_configs"] for one in job["static_configs"] for target in one["targets"]]
    assert {target.split(":")[0] for target in targets} <= set(services())


@pytest.mark.parametrize("query", queries())
def test_a_panel_speaks_of_metrics_that_are_served(query: str) -> None:
    named = set(re.findall(r"crosstide_\w+", query))
    assert named
    assert named <= set(METRICS)


def test_the_file_is_accepted_by_the_compose_of_this_machine() -> None:
    words = compose_words(os.environ)
    if words is None:
        pytest.skip("no compose on this machine")
    done = subprocess.run([*words, "-f", str(FILE), "config", "-q"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.compose
@pytest.mark.timeout(3600)
def test_incidents_in_containers_equal_those_of_the_files_also_when_the_taskmanager_is_killed_and_nothing_is_left(
    tmp_path: Path, demo_run: Path
) -> None:
    data = prepared(tmp_path, FAULTY, demo_run / "artifacts")
    expected = read_lines(demo_run / "incidents.jsonl")
    assert expected
    try:
        with engine() as found:
            with stack(found, data, ARGUMENTS) as running:
                _works(running, expected)
            assert running.left() == []
    except NoEngineError as why:
        pytest.skip(f"containers cannot be run here: {why}")
    if found.home:
        assert [one.info for one in psutil.process_iter(["cmdline"]) if found.home in str(one.info["cmdline"])] == []


def _works(running: Stack, expected: list[dict[str, Any]]) -> None:
    wait_for(running.healthy, 600, running.states)
    print("healthy:", ", ".join(sorted(running.states())), flush=True)
    _no_root(running)
    first, rest = halves(FAULTY, load_pipeline(None, [], beside=FAULTY).windows, int(time.time() * 1000))
    kafka = f"127.0.0.1:{running.ports['KAFKA']}"
    print(f"fed {send(kafka, first)} records; killing the taskmanager", flush=True)
    running.kill("taskmanager")
    print(f"fed {send(kafka, rest)} more; waiting for incidents", flush=True)
    wait_for(lambda: difference(expected, kafka) == "", 600, lambda: difference(expected, kafka))
    print(f"{len(expected)} revisions, equal to the files'; killing the taskmanager again", flush=True)
    _seen(running)
    before = running.checkpoints()
    running.kill("taskmanager")
    wait_for(lambda: running.checkpoints() > before + 1, 600, lambda: "no checkpoint after the kill")
    assert difference(expected, kafka) == ""
    wait_for(running.healthy, 300, running.states)
    wait_for(lambda: running.query("crosstide_restarts_total") == [2.0], 60, lambda: "not one restart for each kill")
    print("equal again, and healthy", flush=True)


def _no_root(running: Stack) -> None:
    for service in HEALTHY:
        user = running.engine.run("docker", "exec", running.container(service), "id", "-u").strip()
        assert user != "0", service


def _seen(running: Stack) -> None:
    """Prometheus reaches every target, and each panel of Grafana has something to show."""
    told = running.get("PROMETHEUS", "/api/v1/targets")["data"]["activeTargets"]
    assert {one["scrapeUrl"]: one["lastError"] for one in told if one["health"] != "up"} == {}
    wait_for(lambda: _silent(running) == [], 60, lambda: f"no data for {_silent(running)}")
    assert running.query("crosstide_up") == [1.0]


def _silent(running: Stack) -> list[str]:
    return [query for query in queries() if running.query(query) == []]
