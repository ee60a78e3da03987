"""What an entry file is told, how its job is named, and which saved state it may go on from."""

from itertools import permutations

import pytest

from jobs.launch_arguments import arguments
from jobs.launch_names import group
from jobs.shape import refusal, shape_name, shape_of
from jobs.sinks import TOPICS, Delivery
from models.config import Pipeline


def test_settings_of_flink_are_told_one_by_one_and_may_hold_an_equals_sign() -> None:
    asked = arguments("pipeline").parse_args(["--flink", "a.b=1 s", "--flink", "java.opts=-Dx=y"])
    assert asked.flink == [("a.b", "1 s"), ("java.opts", "-Dx=y")]
    assert asked.guarantee == "exactly-once"


@pytest.mark.parametrize("words", [["--flink", "a.b"], ["--flink", "=1"], ["--name", "a b"], ["--guarantee", "none"]])
def test_what_cannot_be_meant_is_refused_before_anything_starts(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments("pipeline").parse_args(words)
    assert words[1] in capsys.readouterr().err


def test_no_prefix_of_transactions_begins_with_another() -> None:
    """A restarted sink aborts what its prefix begins: it would abort the open transactions of another one."""
    owners = [group(name, entry) for name in ("a", "a-b", "a-pipeline") for entry in ("pipeline", "incidents")]
    prefixes = [Delivery("", "", owner).transactions(topic) for owner in owners for topic in TOPICS]
    assert len(set(prefixes)) == len(prefixes)
    assert not [pair for pair in permutations(prefixes, 2) if pair[0].startswith(pair[1])]


def of(**windows: object) -> Pipeline:
    return Pipeline.model_validate({"windows": windows})


def test_saved_state_of_other_panes_or_buckets_is_refused_with_the_reason() -> None:
    before = shape_of(of())
    assert refusal(before, before) is None
    assert refusal({}, before) is None
    told = refusal(before, shape_of(of(pane="1s", buckets=4)))
    assert told is not None
    assert told.startswith("windows.pane was 5s and is 1s, windows.buckets was 8 and is 4:")


def test_only_what_state_is_cut_by_changes_the_uid_of_the_scoring_operators() -> None:
    same = Pipeline.model_validate(
        {"expectation": {"history": 12}, "rules": [{"signal": "rate", "above": 1, "for": "1m"}]}
    )
    assert shape_name(same) == shape_name(of())
    assert shape_name(of(slide="5s")) != shape_name(of())
