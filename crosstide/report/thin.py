"""A series of bounded length: neighbours merge, the strangest point of each stretch stays."""

from dataclasses import dataclass, field, replace

LIMIT = 2000


@dataclass(frozen=True)
class Point:
    """One window of a lane: start in epoch ms, what was seen, what was expected, and its score (1 = threshold)."""

    at_ms: int
    value: float
    score: float
    lower: float | None = None
    upper: float | None = None


@dataclass
class Thinned:
    """At most `limit` points, whatever is added: when there are more, the stretch that one point stands for doubles."""

    limit: int = LIMIT
    step_ms: int = 1
    _kept: dict[int, Point] = field(default_factory=dict)

    def add(self, point: Point) -> None:
        """Take a point, in any order of time."""
        self._put(point)
        while len(self._kept) > self.limit:
            self.step_ms *= 2
            points, self._kept = self._kept, {}
            for kept in points.values():
                self._put(kept)

    def points(self) -> list[Point]:
        """Return what is kept, by time."""
        return sorted(self._kept.values(), key=lambda point: point.at_ms)

    def _put(self, point: Point) -> None:
        slot = point.at_ms // self.step_ms
        known = self._kept.get(slot)
        self._kept[slot] = point if known is None else _stronger(known, point)


def _stronger(one: Point, other: Point) -> Point:
    """Keep the stranger point; the expected range comes from either, since not every detector gives one."""
    best, rest = (one, other) if (one.score, one.value) >= (other.score, other.value) else (other, one)
    if best.lower is None and best.upper is None:
        return replace(best, lower=rest.lower, upper=rest.upper)
    return best
