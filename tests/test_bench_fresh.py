"""Recording anew for the bench: what is drawn, and what happens where nothing can be recorded."""

from pathlib import Path

import pytest

from bench.lab import main
from bench.lab_fresh import drawn
from crosstide.lab.faults import kinds
from tests.small_recording import recording


def test_a_recording_that_cannot_be_made_ends_with_code_1_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--recordings", str(recording()), "--results", str(tmp_path / "r"), "--fresh", "1", "--minutes", "1"]
    assert main(arguments) == 1
    assert "1 minutes hold no fault" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_fresh_recording_has_as_many_kinds_as_the_time_holds_drawn_by_the_seed() -> None:
    short, long = drawn(7, 20), drawn(7, 60)
    assert 3 <= len(short) <= 12
    assert long[: len(short)] == short
    assert len(set(long)) == len(long) == len([kind for kind in kinds().values() if not kind.requires()])
    assert drawn(7, 20) == short != drawn(8, 20)
