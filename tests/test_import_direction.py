"""One direction: crosstide -> jobs -> udfs -> models. And models knows no Flink, no clock, no chance and no disk."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("models", "udfs", "jobs", "crosstide")
FOREIGN = ("tests", "bench")
FLINK = ("pyflink", "py4j", "apache_beam", "kafka")
#: Reading clocks, drawing numbers, touching disks, nets and processes: whoever calls `models` does that.
WORLD = ("time", "random", "secrets", "uuid", "os", "io", "pathlib", "shutil", "tempfile", "socket", "subprocess",
         "threading", "asyncio", "urllib", "http", "sqlite3", "logging", "psutil", "rich", "typer")  # fmt: skip
CALLS = ("open", "print", "input", "eval", "exec")
CLOCKS = ("now", "utcnow", "today", "default_rng", "urandom")


def files(layer: str) -> list[Path]:
    return sorted((ROOT / layer).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Names of the modules that a file imports anywhere in it, those under TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def breaches(layer: str, forbidden: tuple[str, ...]) -> list[str]:
    found = [(path, name) for path in files(layer) for name in imports(path)]
    return [f"{path.relative_to(ROOT)}: {name}" for path, name in found if name.split(".")[0] in forbidden]


@pytest.mark.parametrize("layer", ORDER)
def test_no_layer_imports_one_above_it(layer: str) -> None:
    assert len(files(layer)) > 3
    assert breaches(layer, ORDER[ORDER.index(layer) + 1 :] + FOREIGN) == []


@pytest.mark.parametrize("layer", ORDER)
def test_imports_are_absolute(layer: str) -> None:
    assert [name for path in files(layer) for name in imports(path) if name.startswith(".")] == []


def test_models_imports_nothing_that_touches_the_world() -> None:
    assert breaches("models", FLINK + WORLD) == []


def test_models_reads_no_clock_and_draws_no_numbers() -> None:
    found = []
    for path in files("models"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if (isinstance(called, ast.Name) and called.id in CALLS) or (
                isinstance(called, ast.Attribute) and called.attr in CLOCKS
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(called)}")
    assert found == []


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "models.scorer, models.bucket, models.batch, models.correlate, models.config_text",
            (*FLINK, "pyod", "pandas"),
        ),
        ("udfs.score, udfs.read, udfs.correlate, udfs.account, udfs.explode", ("jobs", "crosstide", "pyod")),
    ],
)
def test_a_process_that_needs_little_loads_little(module: str, absent: tuple[str, ...]) -> None:
    """The workers of a cluster start without what they do not use, and models need no more than numpy and scipy."""
    code = f"import sys, {module}; print(*sorted(m for m in {absent!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_the_processes_of_the_lab_know_nothing_of_the_pipeline() -> None:
    assert breaches("crosstide/lab", (*FLINK, "jobs", "udfs")) == []
