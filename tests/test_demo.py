"""The demonstration: every fault of the shipped recording found with its cause, nothing on a trap."""

import json
from pathlib import Path

import pytest

from crosstide.score import score_run
from models.packets import COUNTS
from tests.small_recording import recording

pytestmark = pytest.mark.minicluster
TRUTH = recording() / "faulty" / "truth.json"


def test_all_faults_are_found_with_their_causes_and_no_trap_raises_an_incident(demo_run: Path) -> None:
    card = score_run(demo_run / "incidents.jsonl", TRUTH, 10_000)
    outcomes = {verdict.kind: (verdict.outcome, verdict.hit_1) for verdict in card.faults}
    assert outcomes == {
        "bad_model_version": ("found", True),
        "cpu_hog": ("found", True),
        "slow_dependency": ("found", True),
        "busy_node": ("quiet", None),
        "harmless_deploy": ("quiet", None),
    }
    assert (card.precision.hits, card.precision.n, card.on_traps) == (3, 3, 0)


def test_every_record_of_the_recording_is_accounted_for(demo_run: Path) -> None:
    topics = json.loads((demo_run / "summary.json").read_text())["topics"]
    assert set(topics) == {"model-outputs", "telemetry", "changes"}
    for account in topics.values():
        terms = [account[name] for name in COUNTS if name not in ("consumed", "skewed")]
        assert account["consumed"] == sum(terms) == account["scored"]


def test_the_report_is_one_file_that_names_every_incident(demo_run: Path) -> None:
    page = (demo_run / "report.html").read_text()
    for line in (demo_run / "incidents.jsonl").read_text().splitlines():
        assert json.loads(line)["subject"] in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
