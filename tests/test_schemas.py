import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from crosstide.docs import ROOT, main, stale, write
from crosstide.docs_schemas import TOPICS, schema
from models.records import ModelOutput
from models.scores import Score, Span


def test_generated_pages_are_up_to_date() -> None:
    assert stale() == [], "write them with: python -m crosstide.docs"


def test_a_changed_or_left_over_page_is_stale_and_writing_mends_it(tmp_path: Path) -> None:
    root = tmp_path
    assert "configuration.md" in write(root)
    assert stale(root) == []
    (root / "configuration.md").write_text("old")
    (root / "schemas" / "gone.json").write_text("{}")
    assert stale(root) == ["configuration.md", "schemas/gone.json"]


def test_the_check_exits_with_0_when_all_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize("name", TOPICS)
def test_every_published_schema_is_a_valid_schema_with_id_and_title(name: str) -> None:
    published = json.loads((ROOT / "schemas" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(published)
    assert published["$id"] == f"urn:crosstide:schema:{name}:1"
    assert published["title"] == name


def test_a_record_that_the_program_writes_fits_its_schema_and_a_mistyped_one_does_not() -> None:
    span = Span("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:10.000Z")
    score = Score(service="s", window=span, detector="ewma", score=1.0, p_value=0.01, n=3, stream="model")
    judge = Draft202012Validator(schema("score"))
    assert judge.is_valid(json.loads(msgspec.json.encode(score)))
    assert not judge.is_valid({**json.loads(msgspec.json.encode(score)), "p_value": 2})


def test_parser_and_schema_agree_on_an_unknown_field_and_a_missing_one() -> None:
    judge = Draft202012Validator(schema("model-outputs"))
    extra = {"service": "s", "timestamp": 1, "request_id": "r", "own": 1}
    missing = {"service": "s", "timestamp": 1}
    assert judge.is_valid(extra)
    assert msgspec.convert(extra, ModelOutput).service == "s"
    assert not judge.is_valid(missing)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(missing, ModelOutput)
