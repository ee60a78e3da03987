"""Faults on demand: begun by an order, ended after their time."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from crosstide.lab.clock import iso
from crosstide.lab.faults import FaultKind, kinds
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage
from crosstide.lab.truth import Done

SHORTEST_S, LONGEST_S = 1.0, 600.0


class RefusedError(ValueError):
    """A fault that cannot be done; the text says why."""


class Faults:
    """The faults of a live lab on its stage."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage, self._seed = stage, seed
        self._since = stage.clock.now()
        self._count = 0
        self._running: dict[Slot, tuple[int, ExitStack]] = {}

    @property
    def running(self) -> list[str]:
        """Say what runs, for people."""
        return [f"{slot.kind} on {slot.target}" for slot in self._running]

    def begin(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a fault: `kind`, `target` or None, `seconds`, `intensity`. RefusedError where that cannot be."""
        kind, target = _chosen(order)
        if (kind.name, target) in {(slot.kind, slot.target) for slot in self._running}:
            raise RefusedError(f"{kind.name} on {target} is running already")
        self._count += 1
        begin_s = (self._stage.clock.now() - self._since) / 1000
        seconds, intensity = float(order["seconds"]), float(order["intensity"])
        slot = Slot(
            id=f"f{self._count}-{kind.name}",
            kind=kind.name,
            start=begin_s,
            end=begin_s + seconds,
            intensity=intensity,
            target=target,
            seed=self._seed + self._count,
        )
        kind.prepare(self._stage, slot)
        start, block = self._stage.clock.now(), ExitStack()
        block.enter_context(kind.apply(self._stage, slot))
        self._running[slot] = (start, block)
        said = {"id": slot.id, "kind": kind.name, "does": kind.does, "target": target, "intensity": intensity}
        return said | {"start": iso(start), "end": iso(start + round(seconds * 1000))}

    def end(self, now: int, everything: bool = False) -> list[Done]:
        """End the faults whose time is over, or all, and answer what was done."""
        done = []
        for slot, (start, block) in list(self._running.items()):
            if everything or now >= start + round((slot.end - slot.start) * 1000):
                del self._running[slot]
                block.close()
                done.append(Done(slot, kinds()[slot.kind], start, self._stage.clock.now()))
        return done


def _chosen(order: Mapping[str, Any]) -> tuple[FaultKind, str]:
    """Find the kind and its target; RefusedError for what does not exist or cannot be done here."""
    kind = kinds().get(str(order.get("kind")))
    if kind is None:
        raise RefusedError(f"unknown kind of fault {order.get('kind')!r}; known: {', '.join(kinds())}")
    if lacking := kind.requires():
        raise RefusedError(f"{kind.name} cannot be done here: {lacking}")
    target = str(order.get("target") or kind.targets[0])
    if target not in kind.targets:
        raise RefusedError(f"{kind.name} cannot strike {target}; it strikes {', '.join(kind.targets)}")
    if not (SHORTEST_S <= float(order["seconds"]) <= LONGEST_S and 0 < float(order["intensity"]) <= 1):
        raise RefusedError(f"a fault lasts {SHORTEST_S:g} to {LONGEST_S:g} s, and its intensity is above 0 and up to 1")
    return kind, target
