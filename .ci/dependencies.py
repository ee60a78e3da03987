"""Prints the pinned dependencies, one a line: installed before the code, they stay in the layer of an image."""

import tomllib
from pathlib import Path

print(*tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["dependencies"], sep="\n")
