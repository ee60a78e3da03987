"""When each fault begins and ends, and where it strikes: decided by the seed before anything starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Of two faults at once the second begins after this share of the first.
LAG_OF_SECOND = 0.15


class PlanError(ValueError):
    """The faults do not fit into the time."""


@dataclass(frozen=True)
class Spacing:
    """Seconds: a quiet `lead_in` (None: 90 or 15 % of the run, the longer), `quiet` between faults, a quiet `tail`."""

    fault: float = 45.0
    lead_in: float | None = None
    quiet: float = 45.0
    tail: float = 30.0

    def lead(self, run: float) -> float:
        """Seconds before the first fault may begin, in a run of so many seconds."""
        return max(90.0, 0.15 * run) if self.lead_in is None else self.lead_in


@dataclass(frozen=True)
class Slot:
    """One planned fault: `start` and `end` in seconds of the run, `intensity` in 0..1, `target` as `kind/name`."""

    id: str
    kind: str
    start: float
    end: float
    intensity: float
    target: str
    seed: int

    @property
    def service(self) -> str:
        """The name of the service that is struck (`service/NAME`)."""
        return self.target.removeprefix("service/")


Targets = Mapping[str, Sequence[str]]


def plan(
    run: float,
    kinds: Sequence[str],
    targets: Targets,
    spacing: Spacing,
    seed: int,
    reach: Callable[[str], Sequence[str]],
) -> list[Slot]:
    """Spread the faults over a run of `run` seconds, in a drawn order, with drawn pauses; PlanError if they don't fit.

    `one+other` are two faults at once, on targets that trouble no common service (`reach`) where there are such.
    Time left over beyond the required pauses goes to all pauses, each between a third and three times another's.
    Faults of one kind take turns among the targets of that kind, from a drawn one on.
    """
    rng = np.random.default_rng([seed, 1])
    order = [kinds[i] for i in rng.permutation(len(kinds))]
    starts = _starts(run, len(order), spacing, rng)
    turns = {kind: int(rng.integers(len(targets[kind]))) for kind in sorted({k for item in order for k in split(item)})}
    slots: list[Slot] = []
    for i, (item, start) in enumerate(zip(order, starts, strict=True)):
        struck: set[str] = set()
        for place, kind in enumerate(split(item)):
            target = _turn(targets[kind], turns, kind, struck, reach)
            struck |= set(reach(target))
            begin = round(start + place * LAG_OF_SECOND * spacing.fault, 3)
            slots.append(
                Slot(
                    id=f"f{i + 1}{'ab'[place] if '+' in item else ''}-{kind}",
                    kind=kind,
                    start=begin,
                    end=round(start + spacing.fault, 3),
                    intensity=round(float(rng.uniform(0.4, 1.0)), 2),
                    target=target,
                    seed=int(rng.integers(2**31)),
                )
            )
    return slots


def split(item: str) -> list[str]:
    """Name the kinds of an entry of the plan; PlanError for more than two at once.

    >>> split("cpu_hog"), split("cpu_hog+input_drift")
    (['cpu_hog'], ['cpu_hog', 'input_drift'])
    """
    kinds = item.split("+")
    if len(kinds) > 2:
        raise PlanError(f"{item}: two faults at once, no more")
    return kinds


def _turn(
    choices: Sequence[str], turns: dict[str, int], kind: str, struck: set[str], reach: Callable[[str], Sequence[str]]
) -> str:
    """Take the next target of a kind, skipping those that trouble what is struck already, if others remain."""
    order = [choices[(turns[kind] + step) % len(choices)] for step in range(len(choices))]
    target = next((one for one in order if not struck & set(reach(one))), order[0])
    turns[kind] += order.index(target) + 1
    return target


def _starts(run: float, count: int, spacing: Spacing, rng: np.random.Generator) -> list[float]:
    required = spacing.lead(run) + spacing.tail + count * spacing.fault + max(count - 1, 0) * spacing.quiet
    if required > run:
        raise PlanError(
            f"{count} faults of {spacing.fault:g} s with their pauses need {required / 60:.1f} minutes, and the run "
            f"has {run / 60:.1f}: give more minutes, fewer faults, or a shorter fault"
        )
    weights = rng.uniform(0.5, 1.5, count + 1)
    spare = (run - required) * weights / weights.sum()
    step = spacing.fault + spacing.quiet
    return [round(spacing.lead(run) + float(spare[: i + 1].sum()) + i * step, 3) for i in range(count)]
