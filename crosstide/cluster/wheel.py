"""A Python environment that holds our wheel, as a cluster's machine would: built from the checkout, not editable."""

import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

from crosstide.cluster.errors import ClusterError
from crosstide.cluster.places import project_root

_NOT_COPIED = (
    ".git",
    ".cache",
    ".venv",
    "run",
    "out",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    "tests",
)


def cluster_python(run_dir: Path) -> Path:
    """Return the interpreter for client and workers; in an installed wheel that is the one running now.

    In a checkout a wheel is built and installed into `run_dir/python`, whose dependencies come from the present
    environment by a .pth file: its folders follow the wheel's own, and the checkout is on no path. Raises ClusterError
    with the end of the tool's output when a step fails.
    """
    root = project_root()
    if root is None:
        return Path(sys.executable)
    wheel = build_wheel(root, run_dir.resolve() / "wheel")
    return _install(wheel, run_dir.resolve() / "python")


def build_wheel(root: Path, work: Path) -> Path:
    """Build the project's wheel into `work` from a copy, so that no leftover of an earlier build gets into it."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root, work / "source", ignore=shutil.ignore_patterns(*_NOT_COPIED))
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work), str(work / "source"))
    shutil.rmtree(work / "source")
    return next(work.glob("crosstide-*.whl"))


def site_packages(python: Path) -> Path:
    """Return where the environment of `python` keeps its own packages: `jobs/` of the installed wheel is there."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return python.parent.parent / "lib" / version / "site-packages"


def _install(wheel: Path, folder: Path) -> Path:
    venv.create(folder, clear=True, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    own = site_packages(python)
    # a .pth file appends, and the folders it names do not get their own .pth files (an editable install) processed
    (own / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    # --no-deps and --ignore-installed: pip sees the dependencies' folder too, and would think us installed already
    _pip("--python", str(python), "install", "--no-deps", "--no-index", "--ignore-installed", str(wheel))
    return python


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ClusterError(f"pip {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
