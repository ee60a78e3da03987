"""What a truth file tells a reader beyond what is scored: where a fault struck, how hard, and who suffered what."""

from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec
from msgspec import Struct

from crosstide.report.words import number
from crosstide.score_input import Fault, ScoreInputError, read_truth
from models.symptoms import say

_UNITS = (("latency_ms.", " ms"), ("telemetry.rate", " readings a second"), ("rate", " requests a second"))


class Effect(Struct, frozen=True):
    """Who suffered first, in which measure, before the fault and during it."""

    service: str = ""
    measure: str = ""
    before: float | None = None
    during: float | None = None


class _Entry(Struct, frozen=True):
    """The keys of an entry that only the report reads; all but the id may be absent."""

    id: str
    target: str = ""
    does: str = ""
    intensity: float | None = None
    reach: list[str] = []
    effect: Effect | str | None = None


class _Truth(Struct, frozen=True):
    faults: list[_Entry]


@dataclass(frozen=True)
class Told:
    """One entry of the truth, as the page shows it under its `label` (`F1`, a trap `T1`).

    `where` in words; `places`: the subjects (`kind/name`) that it stands with; `suffered`: its effect in words;
    `reach`: services that it may hurt.
    """

    label: str
    fault: Fault
    where: str
    places: tuple[str, ...]
    reach: tuple[str, ...]
    does: str
    intensity: float | None
    suffered: str

    @property
    def name(self) -> str:
        """Its label and kind, as on the bars."""
        return f"{self.label} {self.fault.kind.replace('_', ' ')}" + (" (trap)" if self.fault.trap else "")

    @property
    def placed(self) -> str:
        """Its name and where it was, if that is known."""
        return f"{self.name} on {self.where}" if self.where else self.name


def read_told(path: Path) -> list[Told]:
    """Read a truth, in order of start; faults and traps are numbered apart. Raises ScoreInputError."""
    faults = sorted(read_truth(path), key=lambda fault: (fault.start_ms, fault.id))
    try:
        entries = {entry.id: entry for entry in msgspec.json.decode(path.read_bytes(), type=_Truth).faults}
    except msgspec.DecodeError as error:
        raise ScoreInputError(f"{path}: not a truth file: {error}") from error
    numbers = {"F": count(1), "T": count(1)}
    labels = [letter + str(next(numbers[letter])) for letter in ("T" if fault.trap else "F" for fault in faults)]
    return [_told(label, fault, entries[fault.id]) for label, fault in zip(labels, faults, strict=True)]


def _told(label: str, fault: Fault, entry: _Entry) -> Told:
    kind, _, name = entry.target.partition("/")
    places = (entry.target,) if name else tuple(sorted({entity for entity, _ in fault.accepted}))
    where = entry.target or " or ".join(places)
    if kind == "link":
        ends = name.split("/")
        places, where = tuple(f"service/{end}" for end in ends), f"the link {' → '.join(ends)}"
    suffered = entry.effect if isinstance(entry.effect, str) else _suffered(entry.effect)
    return Told(label, fault, where, places, tuple(entry.reach), entry.does, entry.intensity, suffered)


def _suffered(effect: Effect | None) -> str:
    """Write an effect: `fraud: p50 latency 8.24 → 57.8 ms`."""
    if effect is None or not effect.measure:
        return ""
    unit = next((unit for start, unit in _UNITS if effect.measure.startswith(start)), "")
    what = say(effect.measure).replace("_", " ")
    return f"{effect.service}: {what} {number(effect.before)} → {number(effect.during)}{unit}"
