"""`python -m crosstide.docs` writes the generated pages; `--check` only names those that are not up to date."""

import argparse
import sys
from pathlib import Path

from crosstide.docs_configuration import configuration_page
from crosstide.docs_schemas import schemas
from models.detectors.registry import options_by_kind

ROOT = Path(__file__).resolve().parent.parent / "docs"


def pages() -> dict[str, str]:
    """Return path under `docs/` -> text of every generated page."""
    return {"configuration.md": configuration_page(options_by_kind())} | {
        f"schemas/{name}.json": text for name, text in schemas().items()
    }


def stale(root: Path = ROOT) -> list[str]:
    """Name the pages whose file is absent, differs, or stands in `schemas/` without being generated."""
    wanted = pages()
    differing = [
        name for name, text in wanted.items() if not (root / name).is_file() or (root / name).read_text() != text
    ]
    found = [f"schemas/{path.name}" for path in sorted((root / "schemas").glob("*.json"))]
    return differing + [name for name in found if name not in wanted]


def write(root: Path = ROOT) -> list[str]:
    """Write the pages that are not up to date; return their names."""
    names = stale(root)
    for name, text in pages().items():
        if name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return names


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 when `--check` finds something."""
    parser = argparse.ArgumentParser(prog="python -m crosstide.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    checking = parser.parse_args(arguments).check
    names = stale() if checking else write()
    for name in names:
        print(f"{'stale' if checking else 'written'}: docs/{name}")
    if not names:
        print("all generated pages are up to date")
    elif checking:
        print("write them with: python -m crosstide.docs")
    return 1 if checking and names else 0


if __name__ == "__main__":
    sys.exit(main())
