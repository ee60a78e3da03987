import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstide.check import check
from jobs.settings import config_sha256, load_pipeline
from models.config import Pipeline
from models.config_problems import ConfigErrors
from models.config_text import read_pipeline
from models.detectors.registry import options_by_kind
from models.signals import MODEL_SIGNALS, OPEN_TELEMETRY, canonical, judge_pattern


def errors(text: str, overrides: Sequence[str] = (), topology: str | None = None) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        read_pipeline(text, "p.yaml", overrides, topology, "t.yaml", options_by_kind())
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_text_is_the_default_configuration() -> None:
    assert read_pipeline("# nothing\n", "p.yaml") == Pipeline()


def test_the_shipped_configuration_is_right_and_printed_with_what_was_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check(None, (), None, json=False) == 0
    out = capsys.readouterr().out
    assert all(words in out for words in ("is right", "windows of", "ewma", "rule", "service"))


def test_json_output_is_a_list_of_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(None, (), None, json=True) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert check(None, ["windows.siez=1m"], None, json=True) == 2
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem == {
        "file": "--set",
        "line": 1,
        "column": 9,
        "message": "unknown key 'siez': did you mean 'size'?",
        "hint": "size",
    }


def test_overrides_change_values_and_reach_into_lists_and_quoted_names() -> None:
    rule = "rules:\n  - {signal: rate, above: 2, for: 1m}\n"
    sets = [
        "windows.size=1m",
        "rules.0.above=300",
        'topology.services."a.b".on=[node/n1]',
        "detectors.model.1.weight=0.2",
    ]
    pipeline = read_pipeline(rule, "p.yaml", sets, known_kinds=options_by_kind())
    assert pipeline.windows.size == 60_000
    assert pipeline.rules[0].above == 300
    assert pipeline.topology.services["a.b"].on == ["node/n1"]
    assert pipeline.detectors.model[:2] == [{"kind": "static"}, {"kind": "ewma", "weight": 0.2}]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("windows.size", "--set:1:1: 'windows.size' is not an override"),
        ("=1m", "--set:1:1: '=1m' is not an override"),
        ("windows.size.x=1", "--set:1:14: 'size' holds a value, no keys"),
        ("windows.size=7s", "--set:1:14: size 7s is not a multiple of pane 5s; write 5s or 10s"),
        ("rules.5.above=1", "--set:1:7: '5' is no item of this list"),
        ("outputs={job: 5}", "--set:1:15: job must be text"),
        ("rules=[", "--set:1:8: not YAML"),
    ],
)
def test_a_wrong_override_is_named_with_its_column(override: str, expected: str) -> None:
    assert errors("windows: {size: 10s}\n", [override])[0].startswith(expected)


def test_a_topology_file_replaces_services_of_its_name_and_keeps_the_others() -> None:
    text = "topology: {services: {a: {on: [node/n1]}, b: {on: [node/n2]}}}\n"
    pipeline = read_pipeline(text, "p.yaml", (), "services: {b: {on: [node/n9], calls: [a]}}\n")
    services = pipeline.topology.services
    assert (services["a"].on, services["b"].on, services["b"].calls) == (["node/n1"], ["node/n9"], ["a"])


def test_mistakes_in_a_topology_file_are_placed_in_that_file() -> None:
    found = errors("windows: {size: 7s}\n", (), "services:\n  a: {on: [n1]}\n  b: {call: []}\n")
    assert [problem.split(": ")[0] for problem in found] == ["p.yaml:1:17", "t.yaml:2:12", "t.yaml:3:7"]


def test_a_topology_beside_the_input_is_read(tmp_path: Path) -> None:
    (tmp_path / "topology.yaml").write_text("services: {checkout: {on: [node/n1]}}\n")
    assert list(load_pipeline(beside=tmp_path).topology.services) == ["checkout"]


def test_a_missing_file_and_one_that_is_no_text_are_problems(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"windows:\n  # gr\xf6\xdfe\n")
    with pytest.raises(ConfigErrors, match=r"absent.yaml:1:1: cannot be read"):
        load_pipeline(tmp_path / "absent.yaml")
    with pytest.raises(ConfigErrors, match=r"latin.yaml:2:7: this byte is not UTF-8"):
        load_pipeline(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "p.yaml:1:21: nested deeper than 20 levels"),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "p.yaml:2:8: the alias '*a' is not followed"),
        ("a: &a [*a]\n", "the alias '*a'"),
        ("#" * 2_000_000, "longer than 1048576 bytes"),
        ("windows: !!python/object:os.system {}\n", "the tag"),
        ("windows:\n  size: \x00\n", "p.yaml:2:9: the character U+0000"),
        ("- windows\n", "made of sections"),
        ("windows: {}\n---\nrules: []\n", "p.yaml:2:1: a second document"),
        ("? [a]\n: 1\n", "a key must be a single word"),
        ("rules: [{signal: rate, above: 1, for: 1m}]\ndetectors: {model: [], infra: []}\n", "no detector 'static'"),
    ],
)
def test_a_text_that_is_no_configuration_is_refused_cleanly(text: str, words: str) -> None:
    assert words in "\n".join(errors(text))


@given(st.text(alphabet="windowsrules:{}[]-&*!'\"#| \n\t5m", max_size=60))
def test_any_text_is_read_or_refused_with_places(text: str) -> None:
    try:
        read_pipeline(text, "p.yaml", known_kinds=options_by_kind())
    except ConfigErrors as caught:
        assert caught.problems
        assert all(problem.line >= 1 and problem.column >= 1 for problem in caught.problems)


@given(st.text(alphabet="windowsrules.size=[]{}\"'5m0:& ", max_size=30))
def test_any_override_is_taken_or_refused_with_places(override: str) -> None:
    try:
        read_pipeline("windows: {size: 10s}\nrules: []\n", "p.yaml", [override], known_kinds=options_by_kind())
    except ConfigErrors as caught:
        assert all(problem.line >= 1 and problem.column >= 1 for problem in caught.problems)


def test_rules_take_opentelemetry_names() -> None:
    text = "rules: [{signal: system.memory.utilization, above: 0.9, for: 1m}]\n"
    assert read_pipeline(text, "p.yaml").rules[0].signal == "node.memory.utilization"
    assert len(set(OPEN_TELEMETRY.values())) == len(OPEN_TELEMETRY)
    assert canonical("my.own.metric") == "my.own.metric"


@pytest.mark.parametrize("name", [n.replace("<name>", "a.b") for n in MODEL_SIGNALS])
def test_every_model_signal_is_known(name: str) -> None:
    assert judge_pattern(name, model_only=True) is None


@pytest.mark.parametrize(
    "name", ["node.cpu.utilization", "*", "latency_ms.*", "feature.*.mean", "vllm.queue", "cpu_usage"]
)
def test_telemetry_and_patterns_are_accepted(name: str) -> None:
    assert judge_pattern(name) is None


@pytest.mark.parametrize(
    "name", ["latency.p95", "latency_ms.p96", "eror_rate", "class.spam.shares", "confidnce.*", "foo"]
)
def test_a_signal_that_cannot_be_is_refused(name: str) -> None:
    assert judge_pattern(name) is not None


def test_the_digest_depends_on_what_is_said_not_on_how() -> None:
    plain = read_pipeline("windows: {size: 10s, pane: 5s}\n", "a.yaml")
    spelt = read_pipeline("# other\nwindows:\n  pane: 5000ms\n", "b.yaml")
    assert config_sha256(plain) == config_sha256(spelt)
    assert config_sha256(plain) != config_sha256(read_pipeline("windows: {size: 15s}\n", "c.yaml"))
