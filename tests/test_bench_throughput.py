"""The speed bench measures what it says: messages, CPU of trees, slopes, comparisons, laws. Nothing is timed."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.speed_ablation import FIRST, LAST
from bench.speed_ablation import told as ablated
from bench.speed_compare import compare
from bench.speed_data import PARTITIONS, START_MS, Fault, Load, load_of, messages
from bench.speed_env import Peers
from bench.speed_growth import Point, law
from bench.speed_latency import closing_ns, latencies, quantile
from bench.speed_live import profile
from bench.speed_meter import Used
from bench.speed_peers.window_stats import answers, nearest
from bench.speed_run import Measured
from bench.speed_slope import Speed, summary
from bench.speed_table import fill, rows, verdicts
from models.intake import Accepted, Intake, TopicName

LOAD = Load("model-outputs", 10, 100, 2_000)
BURN = "sum(i * i for i in range(6_000_000))"


def run(messages_: int, wall_s: float, cpu: float) -> Measured:
    return Measured(messages_, wall_s, cpu, 1000.0, {"python": 400.0}, 1)


def speed(events_per_s: float, cpu_us: float) -> Speed:
    return Speed(events_per_s, cpu_us, 1.0, 1000.0, {})


@pytest.mark.parametrize("kind", ["model-outputs", "telemetry"])
def test_every_message_is_one_that_the_pipeline_accepts(kind: TopicName) -> None:
    intake = Intake(kind, 262_144)
    load = Load(kind, 10, 100, 2_000)  # type: ignore[arg-type]
    for partition in range(PARTITIONS):
        for key, at, value in messages(load, partition):
            found = intake.read(value)
            assert isinstance(found, Accepted), value
            assert (found.record.service.encode(), found.body_ms) == (key, at)


def test_the_same_number_gives_the_same_message_and_a_service_stays_in_its_partition() -> None:
    first, second = (list(messages(LOAD, partition)) for partition in range(PARTITIONS))
    assert first == list(messages(LOAD, 0))
    assert not {key for key, _, _ in first} & {key for key, _, _ in second}
    assert len(first) + len(second) == LOAD.count
    assert {at for _, at, _ in first} | {at for _, at, _ in second} == set(range(START_MS, LOAD.end_ms, 10))


def test_a_faulty_service_is_slow_and_failing_only_during_its_fault() -> None:
    load = replace(LOAD, faults=(Fault(4, START_MS + 5_000, START_MS + 10_000),))
    calm = {value for _, _, value in messages(LOAD, 0)}
    changed = [(key, at) for key, at, value in messages(load, 0) if value not in calm]
    assert {key for key, _ in changed} == {b"svc-00004"}
    assert all(START_MS + 5_000 <= at < START_MS + 10_000 for _, at in changed)
    assert load_of(json.loads(json.dumps(load.as_dict()))) == load


def test_one_in_so_many_messages_is_broken() -> None:
    intake = Intake("model-outputs", 262_144)
    bad = sum(
        not isinstance(intake.read(value), Accepted)
        for partition in range(PARTITIONS)
        for _, _, value in messages(replace(LOAD, bad_every=100), partition)
    )
    assert bad == LOAD.count // 100


def test_cpu_of_a_tree_counts_a_worker_that_was_killed_behind_its_shell() -> None:
    burn = f"{sys.executable} -c \"{BURN}; print('done', flush=True); __import__('time').sleep(60)\""
    with subprocess.Popen(["sh", "-c", f"{burn}; true"], stdout=subprocess.PIPE) as shell:
        used = Used({"shell": shell.pid})
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"done\n"
        [worker] = psutil.Process(shell.pid).children()
        used.look()
        shell.kill()
        worker.kill()
        used.look()
    assert used.seconds >= 0.3
    assert Used({"gone": shell.pid}).seconds == 0.0


def test_a_slope_leaves_starting_out() -> None:
    told = Speed.between(run(1_000_000, 30.0, 50.0), run(3_000_000, 50.0, 80.0))
    assert (told.events_per_s, told.cpu_us, told.start_s) == pytest.approx((100_000.0, 15.0, 20.0))


def test_no_slope_is_taken_where_the_larger_run_was_not_longer() -> None:
    with pytest.raises(ValueError, match="no slope"):
        Speed.between(run(1_000_000, 30.0, 50.0), run(3_000_000, 29.0, 80.0))


def test_ratios_compare_each_round_with_itself() -> None:
    told = summary({"b": [speed(100.0, 5.0), speed(50.0, 10.0)], "c": [speed(50.0, 10.0), speed(25.0, 20.0)]})
    assert (told["ratio_to_json_count"], told["cpu_ratio_to_json_count"]) == (0.5, 0.5)
    assert "ratio_to_quix" not in told


def test_a_comparison_names_missing_windows_and_wrong_values() -> None:
    ours = {("a", 0): (3, {"latency_ms.p95": 100.0, "confidence.mean": 0.5}), ("b", 0): (1, {})}
    theirs = {("a", 0): (3, {"latency_ms.p95": 100.9, "confidence.mean": 0.6}), ("c", 0): (1, {})}
    found = compare(ours, theirs)
    assert (found.windows, found.values, len(found.missing)) == (1, 2, 2)
    assert [line.split(":")[0] for line in found.wrong] == ["('a', 0) confidence.mean"]


def test_statistics_by_hand_are_those_of_a_small_example() -> None:
    body = {
        "prediction": "x",
        "confidence": 0.5,
        "latency_ms": 10.0,
        "error": False,
        "features": {"age": 1, "city": "A"},
    }
    told = answers("a", 0, [body, {**body, "latency_ms": 30.0, "error": "timeout", "features": {"age": None}}])[
        "signals"
    ]
    assert (told["error_rate"], told["latency_ms.mean"], told["latency_ms.p50"]) == (0.5, 20.0, 10.0)
    assert (told["feature.age.mean"], told["feature.age.missing_rate"], told["feature.city.missing_rate"]) == (
        1,
        0.5,
        0.5,
    )
    assert "feature.city.mean" not in told
    assert nearest([1, 2, 3, 4], 0.5) == 2


def test_a_window_is_closed_by_the_last_partition_that_passes_it() -> None:
    logs = [([1_000, 3_000, 4_000], [10, 30, 40]), ([2_000, 2_999], [20, 29])]
    assert closing_ns(2_000, logs) == 30
    assert closing_ns(3_000, logs) is None


def test_of_few_values_the_high_quantile_is_the_largest() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_the_law_of_growth_is_found_again() -> None:
    points = [Point("", services, 1_000, 1) for services in (50, 500, 5_000)]
    costs = [speed(1.0, 5.0 + 100.0 * point.services / 10_000) for point in points]
    told = law(list(zip(points, costs, strict=True)))
    assert told is not None
    assert told["us_per_message"] == pytest.approx(5.0)
    assert told["us_per_service_window"] == pytest.approx(100.0)


def test_floors_and_tables_are_written_from_the_results(tmp_path: Path) -> None:
    results = summary({"b": [speed(100.0, 5.0)], "c": [speed(45.0, 20.0)]})
    assert [line.split(":")[0] for line in verdicts(results)] == ["MISSED", "reached", "reached"]
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n")
    fill(page, results)
    text = page.read_text()
    assert "Crosstide, all detectors" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text


def test_a_rival_that_could_not_be_installed_is_null_with_its_reason() -> None:
    told = summary({"b": [speed(100.0, 5.0)], "c": [speed(50.0, 10.0)]}, {"f": "no such package"})
    assert (told["ratio_to_quix"], told["cpu_ratio_to_quix"], told["ratio_to_json_count"]) == (None, None, 0.5)
    assert told["not_measured"] == {"f": "no such package"}
    assert [row[0] for row in rows(told)] == ["b", "c"]


def test_without_the_common_packages_no_rival_runs_and_ours_do() -> None:
    peers = Peers(Path("python"), {"feeding": "offline"})
    assert [peers.reason_against(letter) for letter in "abcdefg"] == [None] * 4 + ["offline"] * 3
    assert Peers(Path("python"), {"quix": "gone"}).reason_against("e") is None


def test_the_part_that_is_left_out_costs_what_the_whole_costs_more() -> None:
    found = ablated({FIRST: 20.0, "without forest": 17.0, LAST: 22.0})
    assert found["without forest"] == {"cpu_us": 17.0, "saved_us": 4.0}


def test_the_shipped_profiles_name_settings_that_a_job_takes() -> None:
    exact, quick = (dict(line.split("=", 1) for line in profile(name)) for name in ("exactly-once", "at-least-once"))
    assert exact["execution.checkpointing.interval"] == "1 s"
    assert quick["python.fn-execution.bundle.time"] == "20"


def test_a_latency_is_from_the_event_that_ended_the_window_to_the_line_on_the_topic() -> None:
    load = replace(LOAD, name="x")
    end = load.start_ms + 2_000
    log = ([end - 1_000, end, end + 999, end + 1_500], [1_000_000, 2_000_000, 3_000_000, 4_000_000])
    line = {"detector": "fused", "window": {"end": "2026-01-05T00:00:02.000Z"}}
    seen = [("bench-x-model-scores", line, 53_000_000), ("bench-x-model-scores", {**line, "detector": "ewma"}, 0)]
    told = latencies(seen, {"model-outputs": [log], "telemetry": [log]}, load, load.start_ms)
    assert (told["score_p50"], told["score_n"], told["incident_n"]) == (50.0, 1, 0)
