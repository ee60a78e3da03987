"""The job in Flink's embedded mini-cluster, its Python in worker processes: few runs, shared by all tests here."""

import base64
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from jsonschema import Draft202012Validator

from crosstide.docs import ROOT
from crosstide.train import train
from jobs.settings import load_pipeline
from jobs.shape import shape_name
from models.intake import TopicName
from tests.minicluster_cases import DEEP, Ran, cut, labels, run_on, write_input
from tests.poison import Expected, Line, base, expect, shuffled, sprinkled
from tests.small_recording import recording

pytestmark = [
    pytest.mark.minicluster,
    # PyFlink leaves its JVM to the end of the process
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:subprocess:ResourceWarning"),
]
TOPICS: tuple[TopicName, ...] = ("model-outputs", "telemetry", "labels", "changes")
TERMS = ("scored", "late", "duplicate", "dead_lettered", "dropped_by_policy")
SHORT_MS = 60_000


@pytest.fixture(scope="module")
def odd_time_zone() -> Iterator[None]:
    """A zone of the machine that must not matter: the JVM starts in it."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("minicluster")


@pytest.fixture(scope="module")
def artifacts(folder: Path) -> Path:
    reference = recording() / "reference"
    train(reference, folder / "artifacts", load_pipeline(beside=reference))
    return folder / "artifacts"


@pytest.fixture(scope="module")
def sound() -> dict[str, list[Line]]:
    return {topic: cut(topic) for topic in ("model-outputs", "telemetry", "changes")}


@pytest.fixture(scope="module")
def clean(odd_time_zone: None, folder: Path, sound: dict[str, list[Line]], artifacts: Path) -> Ran:
    return run_on(folder / "clean", sound, artifacts)


@pytest.fixture(scope="module")
def bad_lines(sound: dict[str, list[Line]]) -> dict[str, list[Line]]:
    dice = random.Random(20_26)
    bad = {topic: sprinkled(topic, shuffled(sound[topic], dice), dice) for topic in ("model-outputs", "telemetry")}
    at = bad["telemetry"][-1].time or 0
    deep = DEEP + json.dumps(base("telemetry", at, 1_000_000)).encode()[1:]
    twice = json.dumps(base("telemetry", at, 1_000_001)).encode()[:-1] + b',"value":2}'
    bad["telemetry"] += [Line(deep, at, "scored"), Line(twice, at, "scored")]
    bad["labels"] = sprinkled("labels", labels(sound["model-outputs"], 40), dice)
    bad["changes"] = sprinkled("changes", sound["changes"], dice)
    return bad


@pytest.fixture(scope="module")
def poisoned(odd_time_zone: None, folder: Path, bad_lines: dict[str, list[Line]], artifacts: Path) -> Ran:
    return run_on(folder / "poisoned", bad_lines, artifacts)


@pytest.fixture(scope="module")
def expected(bad_lines: dict[str, list[Line]]) -> dict[str, Expected]:
    now_ms = int(time.time() * 1000)
    return {topic: expect(topic, lines, now_ms) for topic, lines in bad_lines.items()}


@pytest.fixture(scope="module")
def telemetry_alone(odd_time_zone: None, folder: Path) -> Ran:
    return run_on(folder / "telemetry", {"telemetry": cut("telemetry", SHORT_MS)}, None)


@pytest.fixture(scope="module")
def outputs_alone(odd_time_zone: None, folder: Path) -> Ran:
    return run_on(folder / "outputs", {"model-outputs": cut("model-outputs", SHORT_MS)}, None)


@pytest.fixture(scope="module")
def labels_alone(folder: Path) -> tuple[Ran, str]:
    """The command itself, in a process of its own, with `--json`: its run, and its whole standard output."""
    source = write_input(folder / "labels-in", {"labels": labels(cut("model-outputs", SHORT_MS), 200)})
    output = folder / "labels-out"
    words = ["run", "--input", str(source), "--output", str(output), "--json"]
    command = [sys.executable, "-c", "from crosstide.cli import main; main()", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return Ran(output, json.loads((output / "summary.json").read_text())), done.stdout


def test_the_slice_has_incidents_that_open_and_resolve(clean: Ran) -> None:
    kinds = {event["type"].split(".")[-2] for event in clean.lines("incidents")}
    assert clean.summary["incidents"] >= 2
    assert {"opened", "resolved"} <= kinds
    assert {line["detector"] for line in clean.lines("model-scores")} >= {"fused", "ewma", "forest"}


def test_incidents_are_byte_equal_when_input_is_shuffled_within_the_out_of_orderness_and_poisoned(
    clean: Ran, poisoned: Ran
) -> None:
    assert poisoned.incidents() == clean.incidents()


@pytest.mark.parametrize("name", ["model-scores", "infra-scores"])
def test_scores_of_sound_services_are_equal_when_input_is_shuffled_and_poisoned(
    clean: Ran, poisoned: Ran, name: str
) -> None:
    sound = [line for line in poisoned.lines(name) if line["service"] not in ("poisoned", "unknown")]
    assert sound == clean.lines(name)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_poisoned_record_is_accounted_for_exactly(
    poisoned: Ran, expected: dict[str, Expected], topic: str
) -> None:
    found = dict(poisoned.summary["topics"][topic])
    partitions = found.pop("partitions")
    assert partitions == {"0": found}
    assert found["consumed"] == sum(found[term] for term in TERMS)
    assert +Counter(found) == +expected[topic].counts


def test_the_poison_tried_every_way_out(expected: dict[str, Expected]) -> None:
    reasons = {reason for one in expected.values() for reason, _ in one.letters.values()}
    assert reasons == {"oversized", "malformed", "mistyped", "non_finite", "late", "timestamp_ahead"}
    for topic in ("model-outputs", "telemetry"):
        assert all(expected[topic].counts[term] for term in TERMS if term != "dropped_by_policy")
    assert expected["labels"].counts["dropped_by_policy"]


def test_every_dead_letter_has_its_place_its_reason_and_its_first_bytes(
    poisoned: Ran, expected: dict[str, Expected]
) -> None:
    letters = {(letter["topic"], letter["offset"]): letter for letter in poisoned.lines("dead-letters")}
    wanted = {(topic, at): it for topic, one in expected.items() for at, it in one.letters.items()}
    reasons = {place: (letter["reason"], letter["size"]) for place, letter in letters.items()}
    assert reasons == {place: (reason, len(value)) for place, (reason, value) in wanted.items()}
    assert len(letters) == poisoned.summary["lines"]["dead-letters"]
    for place, (_, value) in wanted.items():
        letter = letters[place]
        assert letter["detail"]
        assert letter["partition"] == 0
        assert base64.b64decode(letter["value"]) == value[:32_768]
        assert letter["sha256"] == hashlib.sha256(value).hexdigest()


def test_sound_input_is_scored_whole(clean: Ran, sound: dict[str, list[Line]]) -> None:
    for topic, lines in sound.items():
        counts = clean.summary["topics"][topic]
        assert (counts["consumed"], counts["scored"]) == (len(lines), len(lines))
    assert clean.lines("dead-letters") == []


def test_telemetry_alone_completes(telemetry_alone: Ran) -> None:
    assert list(telemetry_alone.summary["topics"]) == ["telemetry"]
    assert {line["entity"] for line in telemetry_alone.lines("infra-scores")} >= {"node/n1", "node/n2"}
    assert telemetry_alone.lines("model-scores") == []


def test_model_outputs_alone_complete(outputs_alone: Ran) -> None:
    assert list(outputs_alone.summary["topics"]) == ["model-outputs"]
    assert {line["service"] for line in outputs_alone.lines("model-scores")} == {"checkout", "fraud"}
    assert outputs_alone.lines("infra-scores") == []


def test_labels_alone_complete_and_the_command_prints_json_and_nothing_else(labels_alone: tuple[Ran, str]) -> None:
    ran, printed = labels_alone
    assert json.loads(printed) == ran.summary
    counts = ran.summary["topics"]["labels"]
    assert (counts["consumed"], counts["dropped_by_policy"]) == (200, 200)
    assert ran.lines("incidents") == []


def test_every_run_leaves_all_its_files_and_nothing_of_its_work(
    clean: Ran, poisoned: Ran, telemetry_alone: Ran, outputs_alone: Ran, labels_alone: tuple[Ran, str]
) -> None:
    names = {"incidents", "model-scores", "infra-scores", "dead-letters"}
    for ran in (clean, poisoned, telemetry_alone, outputs_alone, labels_alone[0]):
        files = {path.name for path in ran.output.iterdir()}
        assert files == {*(f"{name}.jsonl" for name in names), "summary.json", "report.html"}
        assert json.loads((ran.output / "summary.json").read_text()) == ran.summary


@pytest.mark.parametrize(
    ("name", "schema"),
    [("incidents", "incident"), ("model-scores", "score"), ("infra-scores", "score"), ("dead-letters", "dead-letter")],
)
def test_every_line_fits_its_published_schema(
    clean: Ran, poisoned: Ran, telemetry_alone: Ran, outputs_alone: Ran, name: str, schema: str
) -> None:
    judge = Draft202012Validator(json.loads((ROOT / "schemas" / f"{schema}.json").read_text()))
    checked = 0
    for ran in (clean, poisoned, telemetry_alone, outputs_alone):
        for line in ran.lines(name):
            judge.validate(line)
            checked += 1
    assert checked


class Graph(NamedTuple):
    """Kinds of the plan's nodes, uid and name of every operator, and the tasks of each name."""

    kinds: list[str]
    operators: list[tuple[str, str]]
    tasks: dict[str, int]


@pytest.fixture(scope="module")
def graph(odd_time_zone: None, folder: Path) -> Graph:
    from jobs.environment import local_environment
    from jobs.graph import Plan, build
    from jobs.java import use_java
    from jobs.sinks import write_files
    from jobs.sources import FileSource
    from models.artifact import Artifacts

    use_java()
    table_env = local_environment({})
    packets = build(table_env, FileSource(folder / "staged"), Plan(load_pipeline(), Artifacts.empty(), TOPICS))
    write_files(table_env, packets, folder / "raw")
    environment = packets.get_execution_environment()
    nodes = environment._j_stream_execution_environment.getStreamGraph(False).getStreamNodes().toArray()
    kinds = [node["type"] for node in json.loads(environment.get_execution_plan())["nodes"]]
    named = [(str(node.getTransformationUID()), str(node.getOperatorName())) for node in nodes]
    return Graph(kinds, named, {str(node.getOperatorName()): int(node.getParallelism()) for node in nodes})


def test_operators_have_the_names_and_uids_that_people_know(graph: Graph) -> None:
    constant = ["read labels", "read changes", "watch dead letters", "correlate by service", "account for records"]
    cut_by_windows = ["score model windows", "score infra windows"]
    known = {(name.replace(" ", "-"), name) for name in constant}
    known |= {(f"{name.replace(' ', '-')}-{shape_name(load_pipeline())}", name) for name in cut_by_windows}
    planned = re.compile(r"\d+_")
    ours = {(uid, name) for uid, name in graph.operators if uid != "None" and not planned.match(uid)}
    assert ours == known


def test_no_packet_goes_through_python_only_to_be_looked_at_and_no_uid_stands_twice(graph: Graph) -> None:
    assert {name.split("[")[0] for uid, name in graph.operators if uid == "None"} == {"SinkConversion"}
    uids = [uid for uid, _ in graph.operators if uid != "None"]
    assert len(uids) == len(set(uids))


def test_what_is_written_again_and_again_is_dealt_out_to_no_other_tasks_on_its_way_to_the_sinks(graph: Graph) -> None:
    """An older sum or revision could else be written after a newer one of its key."""
    sinks = {tasks for name, tasks in graph.tasks.items() if name.startswith("packets")}
    assert sinks == {graph.tasks["account for records"]} == {graph.tasks["correlate by service"]} == {2}


def test_no_operator_of_flinks_own_windows_is_there_to_drop_a_late_record(graph: Graph) -> None:
    assert any(kind.startswith("WatermarkAssigner") for kind in graph.kinds)
    assert not [kind for kind in graph.kinds if re.search("Window|Aggregate|Join|Rank", kind)]
