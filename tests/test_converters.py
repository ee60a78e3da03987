"""The converters of public data, on tiny inputs of the same shape, and on the real ones where they are."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bench import convert_asd, convert_nab, convert_nezha
from bench.convert_common import ConvertError, locate, main
from crosstide.score_input import read_truth
from models.config import Topology
from models.records import Telemetry, entity_of

PODS = ("frontend-579b9bff58-t2dbm", "cartservice-579f59597d-wc2lz")


def telemetry(folder: Path) -> list[Telemetry]:
    return [
        msgspec.json.decode(line, type=Telemetry) for line in (folder / "telemetry.jsonl").read_bytes().splitlines()
    ]


def topology(folder: Path) -> Topology:
    return Topology.model_validate(json.loads((folder / "topology.yaml").read_text()))


def truth(folder: Path) -> list[dict[str, Any]]:
    read_truth(folder / "truth.json")
    found: list[dict[str, Any]] = json.loads((folder / "truth.json").read_text())["faults"]
    return found


def real(path: str) -> Path:
    root = os.environ.get("CROSSTIDE_DATA")
    if not root or not (Path(root) / path).exists():
        pytest.skip(f"CROSSTIDE_DATA does not lead to {path}: the public data is not here")
    return Path(root) / path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "nab" / "realAWSCloudwatch" / "ec2_cpu_utilization_24ae8d.csv"
    path.parent.mkdir(parents=True)
    path.write_text("timestamp,value\n2014-02-14 14:30:00,0.5\n2014-02-14 14:35:00,nan\n2014-02-14 14:40:00,9\n")
    labels = tmp_path / "nab" / "labels"
    labels.mkdir()
    key = "realAWSCloudwatch/ec2_cpu_utilization_24ae8d.csv"
    window = ["2014-02-14 14:35:00.000000", "2014-02-14 14:45:00.000000"]
    (labels / "combined_windows.json").write_text(json.dumps({key: [window]}))
    (labels / "combined_labels.json").write_text(json.dumps({key: ["2014-02-14 14:40:00"]}))
    return path


def test_a_nab_series_becomes_one_metric_of_one_service_with_its_windows_as_truth(series: Path, tmp_path: Path) -> None:
    (written,) = convert_nab.convert(series, tmp_path / "out")
    assert (written.samples, written.left_out, written.faults) == (2, 1, 1)
    first = telemetry(tmp_path / "out")[0]
    assert (first.service, first.metric, first.value) == ("ec2_cpu_utilization_24ae8d", "ec2_cpu_utilization", 0.5)
    assert first.timestamp == 1_392_388_200_000
    (fault,) = truth(tmp_path / "out")
    assert (fault["start"], fault["effect_at"]) == ("2014-02-14T14:35:00.000Z", "2014-02-14T14:40:00.000Z")


def test_a_server_of_asd_becomes_a_train_and_a_test_part_that_follow_each_other(tmp_path: Path) -> None:
    source = tmp_path / "omi-9.npz"
    label = np.array([0, 1, 1, 0, 1])
    np.savez(source, train=np.zeros((4, 2), np.float32), test=np.ones((5, 2), np.float32), label=label)
    (tmp_path / "interpretation_label").mkdir()
    (tmp_path / "interpretation_label" / "omi-9.txt").write_text("1-2:1,2\n4-4:2\n")
    train, test = convert_asd.convert(source, tmp_path / "out")
    assert (train.samples, test.samples, test.faults) == (8, 10, 2)
    before, after = telemetry(train.folder), telemetry(test.folder)
    assert {record.metric for record in before} == {"metric_01", "metric_02"}
    assert int(after[0].timestamp) - int(before[-1].timestamp) == 300_000
    faults = truth(test.folder)
    assert [fault["metrics"] for fault in faults] == [["metric_01", "metric_02"], ["metric_02"]]
    assert faults[0]["start"] == "2020-01-01T00:25:00.000Z"
    assert faults[0]["end"] == "2020-01-01T00:35:00.000Z"
    assert topology(test.folder).services["omi-9"].on == ["node/omi-9"]


@pytest.fixture
def day(tmp_path: Path) -> Path:
    metric = tmp_path / "rca_data_2022-08-22" / "metric"
    metric.mkdir(parents=True)
    for pod in PODS:
        head = "Time,TimeStamp,PodName,CpuUsageRate(%),PodServerLatencyP95(s),PodSuccessRate(%)"
        rows = f"x,1661140279,{pod},50,0.25,100\nx,1661140339,{pod},60,,\n"
        (metric / f"{pod}_metric.csv").write_text(f"{head}\n{rows}")
    (metric / "front_service.csv").write_text("Time,TimeStamp,ServiceName,LatencyP95(s)\nx,1661140279,Frontend,1.5\n")
    (metric / "dependency.csv").write_text("Source,Target,Weight\nfrontend,cartservice,1\n")
    fault = {"inject_timestamp": "1661140434", "inject_pod": PODS[0], "inject_type": "cpu_contention"}
    (metric.parent / "2022-08-22-fault_list.json").write_text(json.dumps({"03": [fault]}))
    return metric.parent


def test_a_day_of_nezha_becomes_telemetry_by_pod_with_its_services_and_faults(day: Path, tmp_path: Path) -> None:
    (written,) = convert_nezha.convert(day, tmp_path / "out")
    assert (written.samples, written.left_out, written.faults) == (9, 4, 1)
    records = telemetry(tmp_path / "out")
    assert [r.timestamp for r in records] == sorted(r.timestamp for r in records)
    assert {entity_of(r) for r in records} == {f"pod/{pod}" for pod in PODS} | {"service/frontend"}
    values = {r.metric: r.value for r in records if r.timestamp == 1_661_140_279_000 and r.pod in (PODS[0], None)}
    assert values == {"pod.cpu.utilization": 0.5, "pod.server.latency.p95": 0.25, "pod.success_rate": 1.0,
                      "service.latency.p95": 1.5}  # fmt: skip
    frontend = topology(tmp_path / "out").services["frontend"]
    assert (frontend.on, frontend.calls) == ([f"pod/{PODS[0]}"], ["cartservice"])
    (fault,) = truth(tmp_path / "out")
    assert fault["entities"] == [f"pod/{PODS[0]}", "service/frontend"]
    assert fault["categories"] == ["resource_saturation"]
    assert fault["end_assumed"] is True


def test_files_of_another_shape_are_refused_with_their_name(tmp_path: Path) -> None:
    strange = tmp_path / "x.csv"
    strange.write_text("a,b\n1,2\n")
    with pytest.raises(ConvertError, match="line 2"):
        convert_nab.convert(strange, tmp_path / "out")
    with pytest.raises(ConvertError, match="not a server of ASD"):
        convert_asd.convert(strange, tmp_path / "out")
    with pytest.raises(ConvertError, match="not a day of Nezha"):
        convert_nezha.convert(tmp_path, tmp_path / "out")


def test_the_command_says_what_is_missing_and_ends_with_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CROSSTIDE_DATA", raising=False)
    assert main(convert_nab.convert, "usage text", []) == 2
    assert main(convert_nab.convert, "usage text", [str(tmp_path / "none.csv"), str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "usage: usage text" in err
    assert "not found (set CROSSTIDE_DATA" in err


def test_a_path_may_be_written_from_the_data_folder_on(series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTIDE_DATA", str(series.parent.parent.parent))
    assert locate("nab/realAWSCloudwatch/ec2_cpu_utilization_24ae8d.csv") == series


def test_the_real_nab_series_converts_whole(tmp_path: Path) -> None:
    (written,) = convert_nab.convert(real("nab/realAWSCloudwatch/ec2_cpu_utilization_24ae8d.csv"), tmp_path)
    assert (written.samples, written.left_out, written.faults) == (4032, 0, 2)


def test_the_real_server_of_asd_converts_whole(tmp_path: Path) -> None:
    train, test = convert_asd.convert(real("asd/omi-1.npz"), tmp_path)
    assert (train.samples, test.samples, test.faults) == (8640 * 19, 4320 * 19, 7)
    assert all(fault["metrics"] for fault in truth(test.folder))


def test_the_real_fault_day_of_nezha_converts_whole(tmp_path: Path) -> None:
    (written,) = convert_nezha.convert(real("nezha/rca_data_2022-08-22"), tmp_path)
    assert written.faults == 24
    assert len(topology(tmp_path).services) == 10
    assert written.samples > 10_000
