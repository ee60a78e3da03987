"""When requests come: an open loop, so a slow service does not slow its callers down. Pure, from the seed alone."""

from typing import NamedTuple

import numpy as np

#: A day of the lab in seconds: load goes 15 % up and down with it.
DAY_S = 300.0
DAY_SWING = 0.15
#: On top, load wanders by 5 % from one piece of 10 s to the next.
PIECE_S = 10.0
PIECE_SPREAD = 0.05


class Arrival(NamedTuple):
    """One request: `at_s` seconds after the load begins, to which service, with which draw of its features."""

    at_s: float
    service: str
    draw: int


def arrivals(seconds: float, rates: dict[str, float], seed: int) -> list[Arrival]:
    """Draw Poisson arrivals for services of the given mean rates (requests per second), sorted by time."""
    found: list[Arrival] = []
    for i, (service, rate) in enumerate(sorted(rates.items())):
        rng = np.random.default_rng([seed, 2, i])
        found += [Arrival(t, service, int(rng.integers(2**31))) for t in _times(seconds, rate, rng)]
    return sorted(found)


def _times(seconds: float, rate: float, rng: np.random.Generator) -> list[float]:
    """Thin a faster steady Poisson stream down to the wanted rate (Lewis and Shedler 1979)."""
    pieces = 1 + PIECE_SPREAD * np.clip(rng.standard_normal(int(seconds / PIECE_S) + 1), -3, 3)
    most = rate * (1 + DAY_SWING) * (1 + 3 * PIECE_SPREAD)
    times = np.sort(rng.uniform(0, seconds, rng.poisson(most * seconds)))
    day = 1 + DAY_SWING * np.sin(2 * np.pi * times / DAY_S)
    wanted = rate * day * pieces[(times / PIECE_S).astype(int)]
    return [float(t) for t in times[rng.uniform(0, most, len(times)) < wanted]]
