"""Whose trouble it is: one fault is one incident, though several services feel it.

A service that only passes on what a service it calls suffers from joins that one's incident. Services that share what
is blamed, a machine or something they call, and suffer alike, have the incident of the first of them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from models.config import Pipeline
from models.correlate_state import Memory
from models.episode import Episode, Flag, incident_id
from models.symptoms import family_of

#: What the callers of a service feel, by the family of its own symptoms.
PASSES_ON = {"performance": {"performance"}, "outputs": {"outputs", "inputs"}, "inputs": {"outputs", "inputs"}}


def explained(signals: tuple[str, ...], by: tuple[str, ...]) -> bool:
    """Tell whether a dependency with the strange signals `by` would make its caller show `signals`."""
    felt = {family for signal in by for family in PASSES_ON.get(family_of(signal), set())}
    return all(family_of(signal) in felt for signal in signals)


def unexplained(episode: Episode, by: tuple[str, ...], m: int) -> Flag | None:
    """Return the first of at least `m` recent windows with a symptom that `by` does not explain; None: it explains."""
    own = [flag for flag in episode.flags if flag.signals and not explained(flag.signals, by)]
    return own[0] if len(own) >= m else None


@dataclass(frozen=True)
class Callee:
    """A service that is called: whether its own answers are watched, and its other callers, suffering and calm."""

    name: str
    watched: bool
    suffering: int
    calm: int


def _felt(episode: Episode) -> tuple[str, ...]:
    return tuple(sorted({signal for flag in episode.flags for signal in flag.signals}))


class Neighbours:
    """The neighbours of one service at one moment, as its memory knows them."""

    def __init__(self, service: str, memory: Memory, config: Pipeline) -> None:
        self._service, self._memory, self._config = service, memory, config

    def callers(self) -> dict[str, Episode]:
        """Return the callers in trouble, by name."""
        return {name: one for name, one in self._related("caller").items() if one.onset_ms is not None}

    def by_id(self, wanted: str) -> Episode | None:
        """Return the episode of the dependency or sibling whose incident has this id, while it lasts."""
        found = {**self._related("sibling"), **self._related("dependency")}
        return next((e for n, e in found.items() if e.onset_ms is not None and self.id_of(n, e) == wanted), None)

    def root(self, own: Episode) -> str | None:
        """Return the incident id of the dependency in trouble that explains all that is strange here.

        Of several, one that calls none of the others; of services that call each other, the one that turned first.
        """
        m = self._config.opening.m
        open_ones = {n: e for n, e in self._related("dependency").items() if e.onset_ms is not None}
        fit = {n: e for n, e in open_ones.items() if unexplained(own, e.signals, m) is None and self._before(n, e, own)}
        deepest = self._deepest(fit)
        if not deepest:
            return None
        name = min(deepest, key=lambda n: (fit[n].onset_ms or 0, n))
        return self.id_of(name, fit[name])

    def alike(self, own: Episode, blamed: str) -> dict[str, Episode]:
        """Return the siblings in trouble whose symptoms explain ours, and who lean on the entity that is blamed.

        What strikes both begins at both, within the windows that an opening looks at.
        """
        m, together_ms = self._config.opening.m, self._config.opening.n * self._config.windows.slide_ms
        return {
            name: one
            for name, one in self._related("sibling").items()
            if one.onset_ms is not None
            and abs(one.onset_ms - (own.onset_ms or 0)) <= together_ms
            and blamed in self._leans_on(name)
            and unexplained(own, one.signals, m) is None
        }

    def leader(self, own: Episode, blamed: str) -> str | None:
        """Return the incident id of the sibling that was first in the same trouble; None: we are, or nobody else is.

        First is who had windows enough first, of equals the first by name: all of them come to the same one. One that
        calls another of them joins that one.
        """
        if blamed not in self._leans_on(self._service):
            return None
        together = {**self.alike(own, blamed), self._service: own}
        name = min(self._deepest(together), key=lambda n: (together[n].ripe_ms, n))
        return None if name == self._service else self.id_of(name, together[name])

    def may_follow(self, own: Episode) -> bool:
        """Tell whether a dependency that could explain this is strange, but not yet in trouble, or a sibling suffers.

        With one window more the dependency may be in trouble, and the shared cause be seen.
        """
        for one in self._related("dependency").values():
            if one.onset_ms is None and self._strange_alike(one, own):
                return True
        return any(self._strange_alike(one, own) for one in self._related("sibling").values())

    def callees(self, suffered: Collection[str]) -> tuple[Callee, ...]:
        """Return the services that this one calls, with what their other callers feel, or felt if they `suffered`."""
        services, near = self._config.topology.services, self._related("sibling") | self._related("caller")
        found, dependencies = services.get(self._service), self._related("dependency")
        callees = []
        for name in () if found is None else found.calls:
            others = {other: one for other, one in near.items() if other in services and name in services[other].calls}
            suffering = sum(
                other in suffered or one.onset_ms is not None or bool(_felt(one)) for other, one in others.items()
            )
            callees.append(Callee(name, name in dependencies, suffering, len(others) - suffering))
        return tuple(callees)

    def _strange_alike(self, one: Episode, own: Episode) -> bool:
        return bool(_felt(one)) and unexplained(own, _felt(one), self._config.opening.m) is None

    def _leans_on(self, service: str) -> set[str]:
        """Entities that a service stands on or waits for: its machines, and over any number of calls its callees'."""
        services = self._config.topology.services
        nodes = [services[name] for name in self._reached(service) if name in services]
        return {entity for node in nodes for entity in (*node.on, *(f"service/{called}" for called in node.calls))}

    def id_of(self, name: str, episode: Episode) -> str:
        """Name the incident of a neighbour's episode, as the neighbour itself does."""
        return incident_id(name, self._config.outputs.environment, episode.rule, episode.onset_ms or 0)

    def _related(self, relation: str) -> dict[str, Episode]:
        start = f"{relation} service/"
        return {k.removeprefix(start): e for k, e in sorted(self._memory.watched.items()) if k.startswith(start)}

    def _deepest(self, names: Iterable[str]) -> list[str]:
        """Keep the names that call none of the others, but for those that call each other."""
        all_ = list(names)
        return [n for n in all_ if not any(self._calls(n, o) and not self._calls(o, n) for o in all_ if o != n)]

    def _before(self, name: str, other: Episode, own: Episode) -> bool:
        if not self._calls(name, self._service):
            return True
        return (other.onset_ms or 0, name) < (own.onset_ms or 0, self._service)

    def _calls(self, caller: str, callee: str) -> bool:
        """Tell whether the topology leads from `caller` to `callee`, over any number of calls."""
        return callee != caller and callee in self._reached(caller)

    def _reached(self, service: str) -> set[str]:
        """Services that calls lead to from one, over any number of them; itself among them."""
        services, seen, todo = self._config.topology.services, {service}, [service]
        while todo:
            node = services.get(todo.pop())
            fresh = set(() if node is None else node.calls) - seen
            seen |= fresh
            todo += sorted(fresh)
        return seen
