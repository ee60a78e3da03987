"""Whose trouble it is: a service that only passes on what a service it calls suffers from joins that one's incident."""

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


class Neighbours:
    """The neighbours of one service at one moment, as its memory knows them."""

    def __init__(self, service: str, memory: Memory, config: Pipeline) -> None:
        self._service, self._memory, self._config = service, memory, config

    def callers(self) -> dict[str, Episode]:
        """Return the callers in trouble, by name."""
        return {name: one for name, one in self._related("caller").items() if one.onset_ms is not None}

    def open_ids(self) -> set[str]:
        """Return the incident ids of the dependencies in trouble."""
        found = self._related("dependency")
        return {self.id_of(name, one) for name, one in found.items() if one.onset_ms is not None}

    def by_id(self, wanted: str) -> Episode | None:
        """Return the episode of the dependency whose incident has this id, while it lasts."""
        found = self._related("dependency")
        return next((e for n, e in found.items() if e.onset_ms is not None and self.id_of(n, e) == wanted), None)

    def root(self, own: Episode) -> str | None:
        """Return the incident id of the dependency in trouble that explains all that is strange here.

        Of several, one that calls none of the others; of services that call each other, the one that turned first.
        """
        m = self._config.opening.m
        open_ones = {n: e for n, e in self._related("dependency").items() if e.onset_ms is not None}
        fit = {n: e for n, e in open_ones.items() if unexplained(own, e.signals, m) is None and self._before(n, e, own)}
        deepest = [n for n in fit if not any(self._calls(n, o) and not self._calls(o, n) for o in fit if o != n)]
        if not deepest:
            return None
        name = min(deepest, key=lambda n: (fit[n].onset_ms or 0, n))
        return self.id_of(name, fit[name])

    def may_follow(self, own: Episode) -> bool:
        """Tell whether a dependency that could explain this is strange already, but not yet in trouble."""
        for one in self._related("dependency").values():
            felt = tuple(sorted({signal for flag in one.flags for signal in flag.signals}))
            if one.onset_ms is None and felt and unexplained(own, felt, self._config.opening.m) is None:
                return True
        return False

    def id_of(self, name: str, episode: Episode) -> str:
        """Name the incident of a neighbour's episode, as the neighbour itself does."""
        return incident_id(name, self._config.outputs.environment, episode.rule, episode.onset_ms or 0)

    def _related(self, relation: str) -> dict[str, Episode]:
        start = f"{relation} service/"
        return {k.removeprefix(start): e for k, e in sorted(self._memory.watched.items()) if k.startswith(start)}

    def _before(self, name: str, other: Episode, own: Episode) -> bool:
        if not self._calls(name, self._service):
            return True
        return (other.onset_ms or 0, name) < (own.onset_ms or 0, self._service)

    def _calls(self, caller: str, callee: str) -> bool:
        """Tell whether the topology leads from `caller` to `callee`, over any number of calls."""
        services, seen, todo = self._config.topology.services, {caller}, [caller]
        while todo:
            node = services.get(todo.pop())
            fresh = set(() if node is None else node.calls) - seen
            seen |= fresh
            todo += sorted(fresh)
        return callee in seen and callee != caller
