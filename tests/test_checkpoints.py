"""The newest whole checkpoint is found whoever wrote it, and older ones go only when they are not needed."""

from pathlib import Path

import pytest

from crosstide.cluster.checkpoints import forget_older, newest
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.kept import Kept, kept_job, kept_jobs, write_kept
from crosstide.cluster.savepoints import note, shape_at
from jobs.shape import refusal, shape_name, shape_of
from models.config import Pipeline

KEPT = Kept(
    name="crosstide", entry="pipeline", arguments=[], parallelism=0, bootstrap="127.0.0.1:1", prefix="",
    shape=shape_of(Pipeline()), job_ids=["a", "b"],
)  # fmt: skip


def write(folder: Path, job_id: str, number: int, whole: bool = True) -> Path:
    checkpoint = folder / job_id / f"chk-{number}"
    checkpoint.mkdir(parents=True)
    if whole:
        (checkpoint / "_metadata").write_bytes(b"m")
    return checkpoint


def test_the_highest_number_counts_over_all_ids_of_a_job_and_a_part_is_not_a_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, "a", 9)
    expected = write(tmp_path, "b", 12)
    write(tmp_path, "b", 13, whole=False)
    write(tmp_path, "other", 99)
    (tmp_path / "b" / "shared").mkdir()
    assert newest(tmp_path, ["a", "b"]) == expected
    assert newest(tmp_path, ["b", "a"]) == expected
    assert newest(tmp_path, ["c"]) is None
    assert newest(tmp_path / "none", ["a"]) is None


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    write(tmp_path, "a", 9)
    assert newest(tmp_path, ["a"]) != write(tmp_path, "a", 10) == newest(tmp_path, ["a"])


def test_checkpoints_of_earlier_ids_stay_until_the_present_one_has_its_own(tmp_path: Path) -> None:
    write(tmp_path, "a", 9)
    assert forget_older(tmp_path, ["a", "b"]) == []
    write(tmp_path, "b", 10, whole=False)
    assert forget_older(tmp_path, ["a", "b"]) == []
    write(tmp_path, "b", 11)
    assert forget_older(tmp_path, ["a", "b"]) == ["a"]
    assert not (tmp_path / "a").exists()


def test_a_kept_job_is_found_again_by_its_name(tmp_path: Path) -> None:
    write_kept(tmp_path, KEPT)
    assert (kept_jobs(tmp_path), kept_job(tmp_path, "crosstide")) == ([KEPT], KEPT)
    with pytest.raises(ClusterError, match="no job is called 'other'; there are: crosstide"):
        kept_job(tmp_path, "other")
    (tmp_path / "jobs" / "broken.json").write_text("{")
    with pytest.raises(ClusterError, match=r"broken\.json cannot be read"):
        kept_jobs(tmp_path)


def test_a_savepoint_knows_its_shape_and_another_pane_is_refused_with_the_reason(tmp_path: Path) -> None:
    place = write(tmp_path, "savepoint", 1)
    assert shape_at(str(place)) == {}
    note(place.as_uri(), KEPT)
    now = shape_of(Pipeline.model_validate({"windows": {"pane": "1s", "buckets": 16}}))
    why = refusal(shape_at(place.as_uri()), now)
    assert why is not None
    assert why.startswith("windows.pane was 5s and is 1s, windows.buckets was 8 and is 16: saved state is cut by it")
    assert refusal(shape_at(str(place)), KEPT.shape) is None
    assert refusal({}, now) is None
    with pytest.raises(ClusterError, match="is no savepoint"):
        shape_at(str(tmp_path))


def test_the_uid_of_the_scoring_operators_changes_with_the_shape_and_with_nothing_else() -> None:
    changed = [{"windows": {"size": "20s"}}, {"windows": {"buckets": 4}}, {"windows": {"slide": "5s"}}]
    names = {shape_name(Pipeline.model_validate(one)) for one in [{}, *changed]}
    assert len(names) == 4
    same = [
        {"opening": {"m": 1}},
        {"detectors": {"infra": [{"kind": "ewma"}]}},
        {"windows": {"out_of_orderness": "9s"}},
    ]
    assert {shape_name(Pipeline.model_validate(one)) for one in same} == {shape_name(Pipeline())}
