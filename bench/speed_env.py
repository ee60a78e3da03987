"""The rivals' Python: an environment of its own, and what of it could not be installed."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from crosstide.cluster.processes import clean_environment

ROOT = Path(__file__).resolve().parent.parent
WANTED = ROOT / "bench" / "peers.txt"
#: What each letter of the table needs, by the first word of a block in `peers.txt`.
NEEDS = {"e": "bytewax", "f": "quix", "g": "feeding"}


@dataclass(frozen=True)
class Peers:
    """The interpreter of the rivals; `missing`: why a block could not be installed, by its name."""

    python: Path
    missing: dict[str, str]

    def reason_against(self, letter: str) -> str | None:
        """Say why the variant of this letter cannot run; None if it can."""
        needed = NEEDS.get(letter)
        return None if needed is None else self.missing.get("feeding") or self.missing.get(needed)


def make_peers(folder: Path) -> Peers:
    """Make the environment in `folder`, unless it is there; a block that cannot be installed is left out, with why."""
    python, done = folder / "bin" / "python", folder / ".done"
    known = json.loads(done.read_text()) if done.is_file() else {}
    if known.get("wanted") != WANTED.read_text() or known["missing"]:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        known = {"wanted": WANTED.read_text(), "missing": _install(python, _blocks(WANTED.read_text()))}
        done.write_text(json.dumps(known))
    return Peers(python, known["missing"])


def peer_environment() -> dict[str, str]:
    """Return the environment of the rivals' processes: they find `bench`, and never our installed packages."""
    return {**clean_environment(), "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _blocks(text: str) -> dict[str, list[str]]:
    """Read requirements by block, in order; a block is named by the first word of its comment."""
    blocks = {}
    for block in text.split("\n\n")[1:]:
        name, *lines = block.strip().splitlines()
        blocks[name.lstrip("# ").split()[0].rstrip(",;")] = lines
    return blocks


def _install(python: Path, blocks: dict[str, list[str]]) -> dict[str, str]:
    """Install block by block; all that is there already is asked for again, so that no block changes another's pins."""
    missing: dict[str, str] = {}
    wanted: list[str] = []
    for name, lines in blocks.items():
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted, *lines]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            missing[name] = f"could not be installed: {done.stderr.strip()[-300:]}"
        else:
            wanted += lines
    return missing
