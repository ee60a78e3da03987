"""Files as records: keys and times as a producer would set them, and an end that closes the last window."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.feed import FedRecord, UnreadableError, input_files, records_of
from jobs.staging import HEADER, stage
from models.bucket import window_ends
from models.config import Pipeline, Windows
from models.intake import HEARTBEAT
from tests.core_cases import T0, line, output, sample

WINDOWS = Windows()
NOW = T0 + 3_600_000


def fed(folder: Path, *lines: bytes, windows: Windows = WINDOWS) -> list[FedRecord]:
    (folder / "telemetry.jsonl").write_bytes(b"\n".join(lines))
    return list(records_of(folder / "telemetry.jsonl", windows, NOW))


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (output(service="a"), "a"),
        (sample(), "n1"),
        (sample(service="a"), "a"),
        (sample(node=None, pod="p1"), "p1"),
        (sample(node=None, gpu="0"), "0"),
        (sample(node=None), ""),
        (line(timestamp=T0, service=5), ""),
    ],
)
def test_the_key_is_the_service_or_what_the_record_names(tmp_path: Path, value: bytes, key: str) -> None:
    assert fed(tmp_path, value)[0].key == key


def test_a_line_travels_with_its_own_time_and_a_bad_one_with_the_time_before_it(tmp_path: Path) -> None:
    bad = [b"nonsense", b"\xff\xfe", b'{"timestamp":NaN}', b'{"timestamp":"soon"}', b"[" * 9_999, b'{"timestamp":-5}',
           line(timestamp=10**13), line(timestamp="0001-01-01")]  # fmt: skip
    found = fed(tmp_path, bad[0], sample(timestamp=T0), *bad, sample(timestamp="2023-11-14T22:13:21Z"), bad[0])
    assert [r.timestamp for r in found[:-1]] == [0, *[T0] * (1 + len(bad)), T0 + 1_000, T0 + 1_000]
    assert found[2].value == bad[0]
    assert all(r.key == "" for r in found[2:8])


def test_blank_lines_are_no_records_and_line_ends_are_no_content(tmp_path: Path) -> None:
    found = fed(tmp_path, b"", sample() + b"\r", b"  ", b"\r", sample(), b"")
    assert [r.value for r in found] == [sample(), sample(), HEARTBEAT]


@given(
    st.lists(st.integers(0, 100_000), min_size=1, max_size=9),
    st.sampled_from([("5s", "10s", None, "5s"), ("1s", "60s", "1s", "0ms"), ("5s", "20s", "10s", "90s")]),
)
def test_the_heartbeat_closes_the_last_window(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], shape: tuple[str, str, str | None, str]
) -> None:
    named = dict(zip(("pane", "size", "slide", "out_of_orderness"), shape, strict=True))
    pipeline = Pipeline.model_validate({"windows": named})
    records = [sample(timestamp=T0 + at) for at in times]
    *_, last = fed(tmp_path_factory.mktemp("feed"), *records, windows=pipeline.windows)
    watermark = last.timestamp - pipeline.windows.out_of_orderness
    pane = (T0 + max(times)) // pipeline.windows.pane * pipeline.windows.pane
    assert last.value == HEARTBEAT
    assert watermark >= max(window_ends(pane, pipeline)) - 1


def test_a_record_too_far_ahead_does_not_move_the_heartbeat(tmp_path: Path) -> None:
    usual = fed(tmp_path, sample())[-1]
    assert fed(tmp_path, sample(), sample(timestamp=NOW + WINDOWS.max_ahead + 1))[-1] == usual
    assert fed(tmp_path, sample(), sample(timestamp=NOW + WINDOWS.max_ahead))[-1] != usual


def test_a_file_without_a_record_is_a_heartbeat_alone(tmp_path: Path) -> None:
    assert [record.value for record in fed(tmp_path)] == [HEARTBEAT]


def test_message_files_are_found_plain_or_compressed(tmp_path: Path) -> None:
    (tmp_path / "telemetry.jsonl").touch()
    (tmp_path / "model-outputs.jsonl.gz").write_bytes(gzip.compress(output()))
    (tmp_path / "other.jsonl").touch()
    (tmp_path / "labels.jsonl").mkdir()
    found = input_files(tmp_path)
    assert {topic: path.name for topic, path in found.items()} == {
        "telemetry": "telemetry.jsonl",
        "model-outputs": "model-outputs.jsonl.gz",
    }
    assert next(iter(records_of(found["model-outputs"], WINDOWS, NOW))).value == output()


def test_a_compressed_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.jsonl.gz"
    path.write_bytes(gzip.compress(sample() * 1_000)[:-20])
    with pytest.raises(UnreadableError, match=r"telemetry\.jsonl\.gz cannot be read"):
        list(records_of(path, WINDOWS, NOW))


def test_a_staged_line_has_time_and_offset_before_the_message(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([sample(timestamp=T0), b"\xff", sample(timestamp=T0 + 5)]))
    staged = stage(tmp_path / "in.jsonl", tmp_path / "out", WINDOWS, NOW, lambda _: None)
    lines = gzip.decompress((staged.folder / "0.gz").read_bytes()).splitlines()
    assert [(int(at[:13]), int(at[13:HEADER])) for at in lines[:3]] == [(T0, 0), (T0, 1), (T0 + 5, 2)]
    assert [at[HEADER:] for at in lines] == [sample(timestamp=T0), b"\xff", sample(timestamp=T0 + 5), HEARTBEAT]
    assert (staged.messages, staged.first_ms) == (3, T0)
