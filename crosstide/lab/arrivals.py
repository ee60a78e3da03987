"""When requests come: an open loop, so a slow service does not slow its callers down; drawn as time goes by.

A service's candidates are a steady Poisson stream, faster than the load can ever be; each carries the least factor of
load at which it is sent (thinning: Lewis and Shedler 1979). The stream comes from the seed alone. An order changes the
factor from then on: it adds or takes away requests, and leaves those that come either way as they are.
"""

import heapq
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

#: A day of the lab in seconds: load goes 15 % up and down with it.
DAY_S = 300.0
DAY_SWING = 0.15
#: Five days of a week are followed by two with 30 % less load; it changes in the last tenth of a day: over night.
WORKDAYS, WEEK = 5, 7
WEEKEND_DROP = 0.3
NIGHT = 0.1
#: On top, load wanders by 5 % (at most 15 %) from one piece of 10 s to the next.
PIECE_S = 10.0
PIECE_SPREAD = 0.05
MOST_SPREADS = 3
#: Orders may multiply load by so much.
MOST_FACTOR = 8.0


class Arrival(NamedTuple):
    """One request: `at_s` seconds after the load begins, to which service, with the seed of its contents."""

    at_s: float
    service: str
    draw: int


class Candidate(NamedTuple):
    """A request that is sent where the ordered factor is above `least_factor`."""

    at_s: float
    service: str
    draw: int
    least_factor: float


class Ramp(NamedTuple):
    """An ordered factor: from `first` at `begin_s` to `last`, evenly over `over_s` (0: at once)."""

    begin_s: float
    over_s: float
    first: float
    last: float

    def at(self, at_s: float) -> float:
        """Say the factor at a time."""
        if at_s >= self.begin_s + self.over_s:
            return self.last
        return self.first + (self.last - self.first) * max(0.0, at_s - self.begin_s) / self.over_s


class Arrivals:
    """The endless load of services with the given mean rates (requests per second)."""

    def __init__(self, rates: Mapping[str, float], seed: int) -> None:
        self._ramps = {service: Ramp(0.0, 0.0, 1.0, 1.0) for service in rates}
        streams = [_candidates(name, rate, seed, i) for i, (name, rate) in enumerate(sorted(rates.items()))]
        self._candidates = heapq.merge(*streams)

    def order(self, factors: Mapping[str, float], now_s: float, over_s: float = 0.0) -> None:
        """Multiply the rates of services, from `now_s` on, reached after `over_s` seconds.

        KeyError for a service without load, ValueError for a factor outside 0..8.
        """
        for service, factor in factors.items():
            if not 0 <= factor <= MOST_FACTOR:
                raise ValueError(f"load may be multiplied by 0 to {MOST_FACTOR:g}, not by {factor:g}")
            self._ramps[service] = Ramp(now_s, over_s, self._ramps[service].at(now_s), factor)

    def __iter__(self) -> Iterator[Arrival]:
        """Draw the requests, in order of time; each by the orders given until then."""
        for at_s, service, draw, least_factor in self._candidates:
            if self._ramps[service].at(at_s) > least_factor:
                yield Arrival(at_s, service, draw)


def shape(at_s: float) -> float:
    """Say the load by time of day and day of the week: around 1."""
    swing = 1 + DAY_SWING * math.sin(2 * math.pi * at_s / DAY_S)
    day, passed = divmod(at_s / DAY_S % WEEK, 1)
    now, tomorrow = day >= WORKDAYS, (day + 1) % WEEK >= WORKDAYS
    weekend = now + (tomorrow - now) * max(0.0, 1 - (1 - passed) / NIGHT)
    return swing * (1 - WEEKEND_DROP * weekend)


def _candidates(service: str, rate: float, seed: int, number: int) -> Iterator[Candidate]:
    rng, wander = np.random.default_rng([seed, 2, number]), np.random.default_rng([seed, 3, number])
    most = rate * MOST_FACTOR * (1 + DAY_SWING) * (1 + MOST_SPREADS * PIECE_SPREAD)
    at_s, piece_end_s, piece = 0.0, 0.0, 1.0
    while True:
        at_s += float(rng.exponential(1 / most))
        while piece_end_s <= at_s:
            piece = 1 + PIECE_SPREAD * max(-MOST_SPREADS, min(float(wander.standard_normal()), MOST_SPREADS))
            piece_end_s += PIECE_S
        level = most * float(rng.random())
        yield Candidate(at_s, service, int(rng.integers(2**31)), level / (rate * shape(at_s) * piece))
