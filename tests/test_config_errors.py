"""Ten broken configurations: every mistake is named at once, with its place and what to write instead."""

from pathlib import Path

import pytest

from crosstide.check import check
from jobs.settings import load_pipeline
from models.config_problems import ConfigErrors

FIXTURES = Path(__file__).parent / "fixtures" / "config"

#: fixture -> (line, column, words of the message or the hint) of each problem, in order
EXPECTED: dict[str, list[tuple[int, int, str]]] = {
    "tabs_in_the_indentation": [(2, 1, "a tab"), (3, 1, "a tab"), (6, 2, "a tab")],
    "unclosed_bracket": [(4, 8, "from line 3")],
    "wrong_indent": [(4, 8, "indentation is wrong")],
    "duplicate_keys": [
        (4, 3, "'size' stands twice here, first in line 3"),
        (6, 24, "'after' stands twice"),
        (7, 1, "'windows' stands twice here, first in line 1"),
        (9, 25, "did you mean 'environment'"),
    ],
    "misspelt_keys": [
        (3, 3, "did you mean 'size'"),
        (4, 1, "did you mean 'join'"),
        (7, 26, "did you mean 'above'"),
        (8, 1, "belongs in 'windows'"),
        (10, 3, "did you mean 'max_anomalies'"),
    ],
    "wrong_types_and_units": [
        (2, 9, "with a unit, as 500ms"),
        (3, 9, "'10 sec' is not a duration"),
        (6, 17, "greater than 0"),
        (7, 11, "whole number"),
        (9, 6, "whole number"),
        (10, 15, "true or false"),
        (11, 8, "a list"),
        (13, 10, "'70%'"),
        (14, 1, "join must be a section"),
        (16, 8, "in quotes"),
        (17, 16, "finite"),
    ],
    "windows_that_do_not_divide": [
        (3, 9, "8s or 12s"),
        (4, 10, "not a multiple of pane 4s"),
        (5, 11, "shorter than size"),
        (6, 17, "no length"),
        (7, 14, "m up to 3, or n from 4"),
        (10, 12, "warm_up up to 10"),
    ],
    "rules_that_cannot_work": [
        (4, 5, "without a limit"),
        (5, 38, "always broken"),
        (6, 43, "10s"),
        (7, 43, "20s or 30s"),
        (7, 57, "did you mean 'checkout'"),
        (8, 5, "'for' is missing"),
        (9, 12, "above must be a number"),
        (10, 5, "item 6 must be a section"),
    ],
    "unknown_signals_and_detectors": [
        (4, 14, "did you mean 'ewma'"),
        (5, 20, "did you mean 'weight'"),
        (6, 7, "without a 'kind'"),
        (8, 29, "less than 0.5"),
        (9, 14, "stands twice under 'infra'"),
        (11, 14, "did you mean 'latency_ms.p95'"),
        (12, 14, "did you mean 'latency_ms.p95'"),
        (14, 14, "did you mean 'feature.age.missing_rate'"),
        (16, 21, "did you mean 'confidence.*'"),
        (16, 34, "signal of model outputs"),
    ],
    "broken_topology": [
        (4, 12, "node/n1"),
        (5, 15, "did you mean 'fraud'"),
        (5, 22, "calls itself"),
        (7, 11, "a list"),
        (8, 7, "did you mean 'calls'"),
        (9, 13, "ledger must be a section"),
        (10, 22, "'stripe' under 'services'"),
        (11, 3, "unknown key 'nodes'"),
    ],
}


def test_every_fixture_is_in_the_table_and_there_are_ten() -> None:
    assert sorted(path.stem for path in FIXTURES.glob("*.yaml")) == sorted(EXPECTED)
    assert len(EXPECTED) == 10


@pytest.mark.parametrize("name", EXPECTED)
def test_a_broken_configuration_names_all_its_mistakes(name: str) -> None:
    path = FIXTURES / f"{name}.yaml"
    with pytest.raises(ConfigErrors) as caught:
        load_pipeline(path)
    problems = caught.value.problems
    assert [(p.line, p.column) for p in problems] == [(line, column) for line, column, _ in EXPECTED[name]]
    for problem, (_, _, words) in zip(problems, EXPECTED[name], strict=True):
        assert words in str(problem)
        assert problem.file == str(path)
        assert problem.hint


@pytest.mark.parametrize("name", EXPECTED)
def test_checking_a_broken_configuration_exits_with_2(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = FIXTURES / f"{name}.yaml"
    assert check(path, (), None, json=False) == 2
    out = capsys.readouterr().out
    for line, column, _ in EXPECTED[name]:
        assert f"{path}:{line}:{column}: " in out
    assert "\x1b" not in out
