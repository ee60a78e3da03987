"""The bench of the lab: figures that add up, and the whole command on slices of the shipped recording."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.lab import main
from bench.lab_counts import Counts, figures, part
from bench.lab_files import update
from bench.lab_run import kinds_of, without
from bench.lab_table import verdict
from jobs.settings import load_pipeline
from models.detectors import registry
from models.times import to_iso, to_milliseconds
from tests.minicluster_cases import SLICE_MS, cut, write_input
from tests.small_recording import recording

FIGURES = {
    "n_faults", "incident_recall", "incident_precision", "cause_hit_at_1", "cause_hit_at_3", "chance_hit_at_1",
    "chance_hit_at_3", "median_detection_windows", "quiet_trap_incidents", "false_incidents_per_service_day",
    "intervals", "faults", "alerts", "n_without_effect",
}  # fmt: skip
Lab = dict[str, Any]


def sliced(folder: Path) -> Path:
    """Write the first faults of the shipped recording, with their truth."""
    write_input(folder, {topic: cut(topic) for topic in ("model-outputs", "telemetry", "changes")})
    truth = json.loads((recording() / "faulty" / "truth.json").read_bytes())
    end = to_iso(to_milliseconds(truth["started_at"]) + SLICE_MS)
    kept = [fault for fault in truth["faults"] if fault["end"] < end]
    (folder / "truth.json").write_text(json.dumps({**truth, "ended_at": end, "faults": kept}))
    return folder


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run over a reference, a tuning recording and a judge; its folder of results."""
    root = tmp_path_factory.mktemp("bench")
    recordings = root / "recordings"
    shutil.copytree(recording() / "reference", recordings / "reference")
    shutil.copytree(sliced(recordings / "judge"), recordings / "tuning-1")
    arguments = ["--recordings", str(recordings), "--results", str(root / "results"), "--ablate", "--processes", "1"]
    assert main(arguments) == 0
    return root / "results"


def lab(results: Path) -> Lab:
    loaded: Lab = json.loads((results / "lab.json").read_text())
    return loaded


def test_the_result_has_every_figure_for_us_and_for_both_rivals(bench: Path) -> None:
    result = lab(bench)
    assert set(result) == {"tuning", "judge"}
    for block in result.values():
        assert set(block) >= FIGURES
        assert set(block["rivals"]) == {"static", "zscore"}
        for rival in block["rivals"].values():
            assert set(rival) >= FIGURES


def test_the_judge_is_held_against_its_own_truth(bench: Path) -> None:
    judge = lab(bench)["judge"]
    assert [row["kind"] for row in judge["faults"]] == ["bad_model_version", "cpu_hog"]
    assert all(row["found"] and row["effect"]["service"] == "fraud" for row in judge["faults"])
    assert (judge["n_faults"], judge["incident_recall"]) == (2, 1.0)
    assert judge["alerts"] < judge["rivals"]["static"]["alerts"]
    low, high = judge["intervals"]["incident_recall"]
    assert 0 < low < high == 1


def test_equal_recordings_give_equal_figures_in_every_part(bench: Path) -> None:
    tuning, judge = lab(bench)["tuning"], lab(bench)["judge"]
    assert {k: tuning[k] for k in FIGURES - {"faults"}} == {k: judge[k] for k in FIGURES - {"faults"}}


def test_the_ablation_names_each_kind_of_the_configuration(bench: Path) -> None:
    variants = json.loads((bench / "ablation.json").read_text())["judge"]
    listed = kinds_of(load_pipeline())
    more = [f"with {kind}" for kind in registry.kinds() if kind not in listed]
    assert list(variants) == ["everything", *(f"without {kind}" for kind in listed), *more]
    assert more


def test_the_page_is_filled_between_its_marks_and_twice_the_same(bench: Path, tmp_path: Path) -> None:
    page = tmp_path / "quality.md"
    shutil.copy(Path(__file__).parent.parent / "docs" / "quality.md", page)
    texts = []
    for _ in range(2):
        assert main(["--markdown", "--results", str(bench), "--page", str(page)]) == 0
        texts.append(page.read_text())
    assert texts[0] == texts[1]
    for said in ("## How it is counted", "### judge (judge): 2 faults", "| cpu_hog | node/n2 |", "| without ewma |"):
        assert said in texts[0]


def test_a_page_without_marks_is_refused(bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.md").write_text("# A page\n")
    assert main(["--markdown", "--results", str(bench), "--page", str(tmp_path / "page.md")]) == 2
    assert "marks" in capsys.readouterr().err


def test_a_kind_left_out_is_gone_from_both_lists() -> None:
    pipeline = load_pipeline()
    for kind in kinds_of(pipeline):
        assert kinds_of(without(pipeline, kind)) == [known for known in kinds_of(pipeline) if known != kind]
    assert without(pipeline, None) == pipeline


def test_a_part_that_is_not_judged_again_keeps_its_last_block(tmp_path: Path) -> None:
    path = tmp_path / "results" / "lab.json"
    update(path, {"fresh": {"n_faults": 3}, "judge": {"n_faults": 1}})
    update(path, {"judge": {"n_faults": 2, "incident_recall": 1 / 3}})
    read = json.loads(path.read_text())
    assert read == {"judge": {"n_faults": 2, "incident_recall": 0.3333}, "fresh": {"n_faults": 3}}


def test_figures_of_two_recordings_are_pooled_before_they_are_shared_out() -> None:
    one = Counts(faults=4, found=4, right=4, judged=4, hit_1=4, hit_3=4, delays=(1.0, 1.0, 2.0, 2.0), service_days=0.5)
    other = Counts(faults=12, found=4, right=4, judged=12, hit_1=2, hit_3=3, delays=(9.0,), service_days=1.5)
    made = figures(one + other)
    assert (made["incident_recall"], made["incident_precision"]) == (0.5, 0.5)
    assert (made["cause_hit_at_1"], made["cause_hit_at_3"]) == (0.75, 0.875)
    assert (made["median_detection_windows"], made["false_incidents_per_service_day"]) == (2.0, 4.0)


def test_shares_of_nothing_are_unknown_instead_of_zero() -> None:
    made = figures(Counts())
    assert made["incident_recall"] is made["median_detection_windows"] is made["chance_hit_at_1"] is None
    assert made["intervals"]["false_incidents_per_service_day"] is None


def test_the_verdict_names_each_floor_that_is_not_reached_and_each_rival_ahead() -> None:
    good = Counts(faults=10, found=10, right=10, judged=10, hit_1=9, hit_3=10)
    poor = Counts(faults=10, found=5, right=5, judged=10, hit_1=1, hit_3=2, on_traps=2)
    assert verdict(part(good, {"static": poor}, {})) == "floors: all met, and not behind either rival"
    said = verdict(part(poor, {"static": good}, {}))
    for phrase in ("recall below 0.85", "2 incidents on quiet traps", "behind static thresholds"):
        assert phrase in said


@pytest.mark.parametrize("names", [[], ["reference"]])
def test_a_folder_without_recordings_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    assert main(["--recordings", str(tmp_path), "--results", str(tmp_path / "r")]) == 2
    assert "holds no" in capsys.readouterr().err
