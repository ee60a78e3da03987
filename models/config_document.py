"""What was read from a text: plain values, and the place of each key and value."""

from dataclasses import dataclass, field
from typing import Any

from models.config_problems import Path, Problem, Spot, problem_at


@dataclass(slots=True)
class Document:
    """Values of a text. `keys` and `values` say where each path's key and value stand; `root` where it begins."""

    root: Spot
    data: Any = None
    keys: dict[Path, Spot] = field(default_factory=dict)
    values: dict[Path, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False

    def spot(self, *paths: Path, key: bool = False) -> Spot:
        """Return the place of the first path that is written down, or of the nearest thing around the first path."""
        places = self.keys if key else self.values
        for path in paths:
            if path in places:
                return places[path]
        around = paths[0]
        while around and around not in self.keys:
            around = around[:-1]
        return self.keys.get(around, self.root)

    def forget(self, path: Path) -> None:
        """Drop the places of a path and of all beneath it: something else stands there now."""
        for places in (self.keys, self.values):
            for known in [p for p in places if p[: len(path)] == path]:
                del places[known]

    def breaks(self, spot: Spot, message: str, hint: str = "") -> None:
        """Note that the text cannot be read."""
        self.broken = True
        self.problems.append(problem_at(spot, message, hint))
