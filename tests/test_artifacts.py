"""What training wrote is read back exactly, and anything else is refused with its file and its reason."""

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import skops.io
from pyod.models.hbos import HBOS

from jobs.artifact_manifest import Manifest, sealed
from jobs.artifacts import ArtifactError, fit_forest, load, save
from models.artifact import Artifacts, SeriesBaseline
from models.drift import DriftSeries

FEATURES = ("rate", "latency_ms.p95", "confidence.mean")
BASELINES = {"checkout|latency_ms.p95": SeriesBaseline(41.5, 3.25, 600)}
DRIFT = {
    "service/checkout": {
        "feature.age.psi": DriftSeries("ranges", (10.0, 30.0, 12.0), (-1.5, 1e99), overdispersion=1.25),
        "class.psi": DriftSeries("names", (5.0, 7.0, 0.0), names=("cat", "dog")),
    }
}


def rows(seed: int, count: int = 300) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(size=(count, 3))


def train(directory: Path) -> Artifacts:
    pairs = [fit_forest(name, rows(1), rows(2), FEATURES, seed=4) for name in ("windows/model", "inputs/../a b")]
    return save(directory, pairs, baselines=BASELINES, inflation={"x": 1.5}, drift=DRIFT, span=(1000, 9000))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Artifacts]:
    directory = tmp_path_factory.mktemp("artifacts") / "made" / "here"
    return directory, train(directory)


def test_what_was_trained_is_what_is_loaded(trained: tuple[Path, Artifacts]) -> None:
    directory, saved = trained
    model, fresh = fit_forest("windows/model", rows(1), rows(2), FEATURES, seed=4)
    loaded = pickle.loads(pickle.dumps(load(directory)))
    forest = loaded.forests["windows/model"]
    assert (loaded.baselines, loaded.inflation, loaded.span) == (BASELINES, {"x": 1.5}, (1000, 9000))
    assert loaded.drift == DRIFT
    assert set(loaded.forests) == {"windows/model", "inputs/../a b"}
    assert (forest.features, forest.threshold, forest.sha256) == (FEATURES, fresh.threshold, fresh.sha256)
    assert np.array_equal(forest.p_value(rows(3)), fresh.p_value(rows(3)))
    assert np.abs(forest.forest.score(rows(3)) - model.decision_function(rows(3))).max() <= 1e-12
    assert loaded.id == saved.id
    assert len(loaded.id) == 16


def test_held_out_rows_are_rarely_strange_and_far_ones_are(trained: tuple[Path, Artifacts]) -> None:
    forest = trained[1].forests["windows/model"]
    assert forest.strange(rows(2)).mean() == pytest.approx(0.01, abs=0.005)
    assert forest.strange(np.full((1, 3), 9.0)).all()
    assert forest.contributions(np.array([[0, 9.0, 0]]))[0].argmax() == 1


def test_the_same_training_in_another_process_writes_the_same_bytes(
    trained: tuple[Path, Artifacts], tmp_path: Path
) -> None:
    code = "import sys, pathlib; from tests.test_artifacts import train; train(pathlib.Path(sys.argv[1]))"
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], check=True, cwd=root, timeout=120)
    files = {path.name: path.read_bytes() for path in trained[0].iterdir()}
    assert files == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_second_training_replaces_the_first(tmp_path: Path) -> None:
    train(tmp_path)
    empty = save(tmp_path, [], baselines={}, inflation={}, drift={}, span=(0, 0))
    assert (empty.forests, empty.drift) == ({}, {})
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "baseline.json"}


def test_operators_can_import_the_modules_without_pyod() -> None:
    code = "import sys, jobs.artifacts; sys.exit(bool({'pyod', 'sklearn', 'skops'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent, timeout=60)


@pytest.mark.parametrize("bad", [rows(1, 19), rows(1)[:, :2], np.full((30, 3), np.nan)])
def test_training_rows_that_are_few_narrow_or_broken_are_refused(bad: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueError, match="20 or more finite rows of 3"):
        fit_forest("windows/model", bad, rows(2), FEATURES, seed=1)


# --- tampering: by accident (bytes) and on purpose (with every digest made to fit again)

Tamper = Callable[[Path], object]


def manifest_of(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "manifest.json").read_bytes())
    return content


def forge(change: Callable[[dict[str, Any]], object]) -> Tamper:
    """Change the manifest and seal it again, as someone who knows the format would."""

    def tamper(directory: Path) -> None:
        content = manifest_of(directory)
        change(content)
        manifest = sealed(msgspec.convert(content, Manifest))
        (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))

    return tamper


def raw(change: Callable[[dict[str, Any]], object]) -> Tamper:
    def tamper(directory: Path) -> None:
        content = manifest_of(directory)
        change(content)
        (directory / "manifest.json").write_text(json.dumps(content))

    return tamper


def forge_file(entry: Callable[[dict[str, Any]], dict[str, Any]], make: Callable[[bytes], bytes]) -> Tamper:
    def tamper(directory: Path) -> None:
        def change(content: dict[str, Any]) -> None:
            stored = entry(content)
            data = make((directory / stored["file"]).read_bytes())
            (directory / stored["file"]).write_bytes(data)
            stored.update(size=len(data), sha256=sha256(data).hexdigest())

        forge(change)(directory)

    return tamper


def model(make: Callable[[bytes], bytes]) -> Tamper:
    return forge_file(lambda content: content["forests"][0]["stored"], make)


def baseline(body: bytes) -> Tamper:
    return forge_file(lambda content: content["baseline"], lambda _: body)


def rewrite(change: Callable[[dict[str, bytes]], object]) -> Callable[[bytes], bytes]:
    """Change the parts inside a skops file."""

    def make(data: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        change(parts)
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in parts.items():
                archive.writestr(name, body)
        return target.getvalue()

    return make


def in_schema(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(parts: dict[str, bytes]) -> None:
        text = parts["schema.json"].decode()
        assert old in text
        parts["schema.json"] = text.replace(old, new, 1).encode()

    return rewrite(change)


def first_nodes(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    """Change the node table of one tree."""

    def apply(parts: dict[str, bytes]) -> None:
        for name in sorted(parts):
            if name.endswith(".npy"):
                table = np.load(io.BytesIO(parts[name]))
                if table.dtype.names and "left_child" in table.dtype.names:
                    change(table)
                    target = io.BytesIO()
                    np.save(target, table)
                    parts[name] = target.getvalue()
                    return
        raise AssertionError("no tree found")

    return rewrite(apply)


def column(name: str, value: float) -> Callable[[Any], object]:
    def change(table: Any) -> None:
        table[name][0] = value

    return change


def first(content: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = content["forests"][0]
    return entry


def wider(content: dict[str, Any]) -> None:
    first(content)["features"].append("extra")
    first(content)["neutral"].append(0.0)


def cut(name: str) -> Tamper:
    return lambda directory: (directory / name).write_bytes((directory / name).read_bytes()[:-100])


def flip(directory: Path) -> None:
    data = bytearray((directory / "forest-0.skops").read_bytes())
    data[len(data) // 2] ^= 1
    (directory / "forest-0.skops").write_bytes(data)


def a_directory(directory: Path) -> None:
    (directory / "forest-0.skops").unlink()
    (directory / "forest-0.skops").mkdir()


def a_pickle(_: bytes) -> bytes:
    return pickle.dumps({"model": 1})


def a_bomb(parts: dict[str, bytes]) -> None:
    parts["0.npy"] = bytes(257 * 2**20)


def another_detector(_: bytes) -> bytes:
    body: bytes = skops.io.dumps(HBOS().fit(rows(1)))
    return body


def another_forest(_: bytes) -> bytes:
    from jobs.artifact_skops import packed

    return packed(fit_forest("windows/model", rows(1), rows(2), FEATURES, seed=5)[0])


ISO = '"__class__": "IsolationForest", "__module__": "sklearn.ensemble._iforest"'
DICT = '"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode"'
CASES: dict[str, tuple[Tamper, str, str]] = {
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "manifest.json", "is missing"),
    "no directory": (shutil.rmtree, "manifest.json", "is missing"),
    "no model": (lambda d: (d / "forest-0.skops").unlink(), "forest-0.skops", "is missing"),
    "no baseline": (lambda d: (d / "baseline.json").unlink(), "baseline.json", "is missing"),
    "a directory for a model": (a_directory, "forest-0.skops", "cannot be read"),
    "cut manifest": (cut("manifest.json"), "manifest.json", "not a manifest"),
    "cut model": (cut("forest-0.skops"), "forest-0.skops", "truncated"),
    "one bit": (flip, "forest-0.skops", "sha256 differs"),
    "changed baseline": (lambda d: (d / "baseline.json").write_text(
        (d / "baseline.json").read_text().replace("41.5", "99.5")), "baseline.json", "sha256 differs"),
    "changed threshold": (raw(lambda m: first(m).update(threshold=9.0)), "manifest.json", "digest differs"),
    "unknown key": (raw(lambda m: m.update(extra=1)), "manifest.json", "unknown field"),
    "newer schema": (raw(lambda m: m.update(schema_version=2)), "manifest.json", "schema version 1"),
    "not a number": (raw(lambda m: first(m).update(threshold=float("nan"))), "manifest.json", "not a manifest"),
    "path traversal": (raw(lambda m: first(m)["stored"].update(file="../x.skops")), "manifest.json", "file"),
    "absolute path": (raw(lambda m: m["baseline"].update(file="/etc/passwd")), "manifest.json", "file"),
    "hidden newline": (raw(lambda m: m["baseline"].update(file="baseline.json\n")), "manifest.json", "file"),
    "claims a huge file": (raw(lambda m: m["baseline"].update(size=2**40)), "manifest.json", "size"),
    "huge manifest": (lambda d: os.truncate(d / "manifest.json", 65 * 2**20), "manifest.json", "larger than"),
    "another major": (forge(lambda m: m["libraries"].update(numpy="1.26.4")), "manifest.json", "numpy 1.26.4"),
    "no library": (forge(lambda m: m["libraries"].pop("pyod")), "manifest.json", "pyod none"),
    "a forest twice": (forge(lambda m: m["forests"].append(first(m))), "manifest.json", "twice"),
    "span backwards": (forge(lambda m: m.update(span=[9, 1])), "manifest.json", "ends before"),
    "too wide": (forge(wider), "forest-0.skops", "takes 3 values, but 4"),
    "a feature twice": (forge(lambda m: first(m).update(features=["a", "b", "a"])), "forest-0.skops", "named twice"),
    "broken tail": (forge(lambda m: first(m)["tail"].update(above=0.0)), "forest-0.skops", "probabilities"),
    "other canary scores": (forge(lambda m: first(m)["canary_scores"].__setitem__(2, 0.0)), "forest-0.skops", "canary"),
    "fewer canary scores": (forge(lambda m: first(m)["canary_scores"].pop()), "forest-0.skops", "but 6 scores"),
    "ragged canaries": (forge(lambda m: first(m)["canaries"][1].pop()), "forest-0.skops", "refused"),
    "baseline of text": (baseline(b'{"baselines": {}, "inflation": {"x": "1"}}'), "baseline.json", "not a baseline"),
    "infinite baseline": (baseline(b'{"baselines": {}, "inflation": {"x": 1e999}}'), "baseline.json", "not a baseline"),
    "negative scale": (
        baseline(b'{"baselines": {"x": {"median": 1, "scale": -1, "n": 5}}, "inflation": {}}'),
        "baseline.json", "negative"),
    "drift without counts": (
        baseline(b'{"baselines": {}, "inflation": {}, "drift": {"s": {"class.psi": {"kind": "names", "counts": []}}}}'),
        "baseline.json", "does not fit"),
    "drift of another kind": (
        baseline(b'{"baselines": {}, "inflation": {}, "drift": {"s": {"x.psi": {"kind": "x", "counts": [1, 2]}}}}'),
        "baseline.json", "kind"),
    "inflation of nothing": (baseline(b'{"baselines": {}, "inflation": {"x": 0}}'), "manifest.json", "inflation"),
    "a pickle": (model(a_pickle), "forest-0.skops", "not a zip"),
    "empty": (model(lambda _: b""), "forest-0.skops", "not a zip"),
    "a zip bomb": (model(rewrite(a_bomb)), "forest-0.skops", "when unpacked"),
    "another detector": (model(another_detector), "forest-0.skops", "pyod.models.hbos.HBOS"),
    "another forest": (model(another_forest), "forest-0.skops", "canary scores by PyOD differ"),
    "a part missing": (model(rewrite(lambda p: p.pop("schema.json"))), "forest-0.skops", "schema.json"),
    "a command": (
        model(in_schema(ISO, '"__class__": "system", "__module__": "posix"')), "forest-0.skops", "posix.system"),
    "trusted by skops, not by us": (
        model(in_schema('"float64"', '"float32"')), "forest-0.skops", "numpy.float32"),
    "another loader": (
        model(in_schema(DICT, DICT.replace("DictNode", "RandomStateNode"))), "forest-0.skops", "RandomStateNode"),
    "older protocol": (model(in_schema('"protocol": 2', '"protocol": 1')), "forest-0.skops", "protocol 1"),
    "child out of range": (model(first_nodes(column("right_child", 10**6))), "forest-0.skops", "out of range"),
    "a loop": (model(first_nodes(column("left_child", 0))), "forest-0.skops", "out of order"),
    "feature out of range": (model(first_nodes(column("feature", 77))), "forest-0.skops", "not among the 3"),
    "split at no number": (model(first_nodes(column("threshold", np.nan))), "forest-0.skops", "not finite"),
    "split elsewhere": (model(first_nodes(column("threshold", 99.0))), "forest-0.skops", "canary"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_tampered_artifact_is_refused_with_file_and_reason(
    name: str, trained: tuple[Path, Artifacts], tmp_path: Path
) -> None:
    tamper, file, reason = CASES[name]
    directory = tmp_path / "copy"
    shutil.copytree(trained[0], directory)
    tamper(directory)
    with pytest.raises(ArtifactError) as refused:
        load(directory)
    assert refused.value.file == file
    assert reason in refused.value.reason
    assert str(refused.value).startswith(f"{file}: ")
