"""Where the checkout is, if there is one, and where downloaded things are kept."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent


def project_root() -> Path | None:
    """Return the checkout that this code runs from, or None when it runs from an installed wheel."""
    return _ROOT if (_ROOT / "pyproject.toml").is_file() else None


def cache() -> Path:
    """Return the folder for downloaded things: `CROSSTIDE_CACHE`, else `.cache` of the checkout or of the home."""
    named = os.environ.get("CROSSTIDE_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    root = project_root()
    return root / ".cache" if root is not None else Path.home() / ".cache" / "crosstide"
