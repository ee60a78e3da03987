"""The alert rules fire when they should, and speak only of metrics that we serve."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from crosstide.cluster.exposition import METRICS

CONF = Path(__file__).parent.parent / "flink-conf"


def rules() -> list[dict[str, str]]:
    [group] = YAML(typ="safe").load(CONF / "alerts.yaml")["groups"]
    found: list[dict[str, str]] = group["rules"]
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_speaks_of_metrics_that_are_served_and_says_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    named = set(re.findall(r"crosstide_\w+", str(rule["expr"])))
    assert named
    assert named <= set(METRICS)
    assert rule["annotations"]["action"]


def test_every_rule_has_a_test_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    tests = YAML(typ="safe").load(CONF / "alerts_test.yaml")["tests"]
    fired = {case["alertname"] for one in tests for case in one["alert_rule_test"] if case.get("exp_alerts")}
    quiet = {case["alertname"] for one in tests for case in one["alert_rule_test"] if not case.get("exp_alerts")}
    names = {rule["alert"] for rule in rules()}
    assert names == fired
    assert names == quiet


def test_promtool_finds_the_rules_right() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (Debian: apt-get install prometheus)")
    for words in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
        done = subprocess.run([promtool, *words], cwd=CONF, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
