"""Where recordings lie, and the files of results."""

import json
from pathlib import Path
from typing import Any

PARTS = ("tuning", "judge", "fresh")
#: Folders of a part; the shipped demonstration's `faulty` may be tuned on, for it is seen by everyone.
FOLDERS = {"tuning": ("tuning-*", "faulty"), "judge": ("judge",)}


def folders(recordings: Path, only: str | None = None) -> dict[str, list[Path]]:
    """Answer the recordings of each part that has any. Raises FileNotFoundError for no recording or no reference."""
    if not (recordings / "reference").is_dir():
        raise FileNotFoundError(f"{recordings} holds no folder `reference`; --recordings names another place")
    found = {
        name: [folder for pattern in patterns for folder in sorted(recordings.glob(pattern))]
        for name, patterns in FOLDERS.items()
        if only in (None, name)
    }
    if not any(found.values()):
        raise FileNotFoundError(f"{recordings} holds no recording named like {FOLDERS}")
    return {name: each for name, each in found.items() if each}


def read(path: Path) -> dict[str, Any]:
    """Read a file of results; one that is not there is empty."""
    return json.loads(path.read_text()) if path.is_file() else {}


def update(path: Path, results: dict[str, Any]) -> None:
    """Write results over those of the same parts; a part that was not judged now keeps its last block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = read(path) | _rounded(results)
    path.write_text(json.dumps({name: known[name] for name in PARTS if name in known}, indent=2) + "\n")


def _rounded(value: Any) -> Any:
    """Round to four places, for files that are compared by people."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
