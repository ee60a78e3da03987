"""The kinds of faults. A new kind is one file in this folder that registers a `FaultKind`; nothing else changes."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage


def nothing_to_prepare(stage: Stage, slot: Slot) -> None:
    """Prepare nothing: for kinds that need no model."""


def nothing_required() -> str:
    """Say that a kind can be done on any machine that runs the lab."""
    return ""


def target_alone(target: str) -> tuple[str, ...]:
    """Blame the target itself."""
    return (target,)


@dataclass(frozen=True)
class FaultKind:
    """One kind. `targets`: where it may strike (`service/x`, `node/n`, `link/caller/callee`).

    `categories`: accepted causes, none for a trap; `entities`: who may be blamed, by target. `requires` answers what
    this machine lacks for it ("": nothing).

    `apply` is a context manager: entering it begins the fault, leaving it ends the fault and puts things right.
    `prepare` runs before the recording begins, for what would disturb it (training).
    """

    name: str
    does: str
    needs: str
    targets: tuple[str, ...]
    categories: tuple[str, ...]
    apply: Callable[[Stage, Slot], AbstractContextManager[None]]
    prepare: Callable[[Stage, Slot], None] = nothing_to_prepare
    entities: Callable[[str], tuple[str, ...]] = target_alone
    requires: Callable[[], str] = nothing_required

    @property
    def trap(self) -> bool:
        """Whether it only looks like a fault: an incident on it is a false one."""
        return not self.categories


_KINDS: dict[str, FaultKind] = {}


def register(kind: FaultKind) -> FaultKind:
    """Make a kind known; ValueError where its name is taken."""
    if kind.name in _KINDS:
        raise ValueError(f"two kinds of faults are named {kind.name}")
    _KINDS[kind.name] = kind
    return kind


def kinds() -> Mapping[str, FaultKind]:
    """Find all kinds, by name, in order of their names."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_KINDS.items()))
