"""The command line as programs and people meet it: help, exit codes, JSON alone on standard output."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from crosstide.cli import app
from tests.score_cases import incident, write_lines
from tests.small_recording import recording

BAD_SET = ["--set", "windows.sise=1m"]


def call(*words: object) -> Any:
    """Run a command; a traceback is never an answer."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(result: Any, *said: str) -> None:
    """Bad input: exit code 2, nothing on standard output, the reason on standard error."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    told = " ".join(result.stderr.split())
    assert all(word in told for word in said), told


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below one, with the words that call it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    """A folder with a minute of telemetry."""
    folder = tmp_path / "telemetry"
    folder.mkdir()
    with gzip.open(recording() / "reference" / "telemetry.jsonl.gz", "rt") as lines:
        (folder / "telemetry.jsonl").write_text("".join(line for _, line in zip(range(1200), lines, strict=False)))
    return folder


@pytest.fixture
def broken_gzip(tmp_path: Path) -> Path:
    """A folder whose data cannot be read: who names it in an error has tried."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "model-outputs.jsonl.gz").write_bytes(gzip.compress(b'{"service":"s"}\n' * 99)[:-9])
    return folder


@pytest.fixture
def run_output(tmp_path: Path) -> Path:
    """Incidents of a run, beside a truth that they answer."""
    write_lines(tmp_path / "incidents.jsonl", [incident("i1", 10, 30, resolved=60)])
    (tmp_path / "truth.json").write_text('{"faults": []}')
    return tmp_path


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "crosstide")
def test_help_says_what_a_command_does_and_what_each_option_means(path: tuple[str, ...]) -> None:
    result = call(*path, "--help")
    assert result.exit_code == 0
    assert (ALL[path].help or "").strip()
    for option in ALL[path].params:
        assert option.help, f"{' '.join(path)}: {option.name} has no help"


@pytest.mark.parametrize("name", ["check", "train", "run", "score"])
def test_help_of_the_main_commands_ends_with_an_example(name: str) -> None:
    assert f"crosstide {name} --" in " ".join(call(name, "--help").stdout.split())


def test_without_a_command_the_help_is_shown_and_an_unknown_one_is_bad_input() -> None:
    assert "Usage" in call().output
    assert call("detect").exit_code == 2


def test_a_right_configuration_exits_with_0_and_as_json_is_an_empty_list() -> None:
    assert call("check").exit_code == 0
    result = call("check", "--json")
    assert (result.exit_code, json.loads(result.stdout), result.stderr) == (0, [], "")


def test_wrong_configurations_exit_with_2_and_as_json_are_lists_of_problems(tmp_path: Path) -> None:
    assert call("check", *BAD_SET).exit_code == 2
    result = call("check", "--json", *BAD_SET, "--config", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert {"file", "line", "column", "message", "hint"} == set(json.loads(result.stdout)[0])


@pytest.mark.parametrize("name", ["run", "train"])
def test_input_that_is_not_there_or_holds_nothing_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    output, empty = tmp_path / "out", tmp_path / "empty"
    empty.mkdir()
    refused(call(name, "--input", tmp_path / "none", "--output", output), "none is not a folder")
    refused(call(name, "--input", empty, "--output", output), "model-outputs")
    assert not output.exists()


@pytest.mark.parametrize("name", ["run", "train"])
def test_an_unknown_override_is_refused_before_data_is_read(name: str, broken_gzip: Path, tmp_path: Path) -> None:
    refused(call(name, "--input", broken_gzip, "--output", tmp_path / "out", *BAD_SET), "sise", "size")


@pytest.mark.parametrize("name", ["run", "train"])
def test_a_file_that_cannot_be_read_is_refused_by_its_name(name: str, broken_gzip: Path, tmp_path: Path) -> None:
    refused(call(name, "--input", broken_gzip, "--output", tmp_path / "out"), "model-outputs.jsonl.gz")
    assert not (tmp_path / "out" / ".work").exists()


def test_an_output_that_is_a_file_is_refused(telemetry: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    for name in ("run", "train"):
        refused(call(name, "--input", telemetry, "--output", tmp_path / "taken"), "taken")


def test_training_prints_json_and_nothing_else_and_a_tampered_artifact_is_refused_before_data_is_read(
    telemetry: Path, broken_gzip: Path, tmp_path: Path
) -> None:
    artifacts, output = tmp_path / "artifacts", tmp_path / "out"
    result = call("train", "--input", telemetry, "--output", artifacts, "--json")
    assert result.exit_code == 0
    assert set(json.loads(result.stdout)) == {"id", "forests", "baselines", "drift_profiles", "not_learned"}
    baseline = artifacts / "baseline.json"
    baseline.write_bytes(baseline.read_bytes().replace(b"1", b"2", 1))
    refused(
        call("run", "--input", broken_gzip, "--output", output, "--artifacts", artifacts), "baseline.json", "sha256"
    )
    refused(call("run", "--input", broken_gzip, "--output", output, "--artifacts", tmp_path / "none"), "manifest.json")
    assert list(output.iterdir()) == []


def test_a_score_needs_both_files_and_a_window_that_is_a_duration(run_output: Path) -> None:
    incidents, truth, none = run_output / "incidents.jsonl", run_output / "truth.json", run_output / "none"
    refused(call("score", "--incidents", none, "--truth", truth), "none")
    refused(call("score", "--incidents", incidents, "--truth", none), "none")
    refused(call("score", "--incidents", incidents, "--truth", incidents), "not a truth file")
    refused(call("score", "--incidents", incidents, "--truth", truth, "--window", "soon"), "soon")


def test_a_score_as_json_is_json_and_nothing_else(run_output: Path) -> None:
    words = ("score", "--incidents", run_output / "incidents.jsonl", "--truth", run_output / "truth.json")
    result = call(*words, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert isinstance(json.loads(result.stdout), dict)
    assert call(*words).exit_code == 0


def test_a_summary_that_is_broken_is_bad_input_for_a_score(run_output: Path) -> None:
    (run_output / "summary.json").write_text("{}")
    words = ("score", "--incidents", run_output / "incidents.jsonl", "--truth", run_output / "truth.json")
    refused(call(*words), "summary.json")
