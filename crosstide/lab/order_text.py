"""The order for a recording as text: what was typed, and the command that makes such a recording again."""

import shlex
from collections.abc import Callable
from pathlib import Path

from crosstide.lab.faults import kinds
from crosstide.lab.plan import PlanError, Spacing, split

DEFAULT = Spacing()


def named(text: str, say: Callable[[str], None]) -> list[str]:
    """Read the kinds of a plan, `a,b+c`, `all` or `none`; PlanError for an unknown one, or one impossible here.

    `all` leaves out what this machine cannot do, and says so.
    """
    if text.strip() == "all":
        for kind in kinds().values():
            if lacking := kind.requires():
                say(f"left out: {kind.name} ({lacking})")
        return [kind.name for kind in kinds().values() if not kind.requires()]
    items = [item.strip() for item in text.split(",") if item.strip() and item.strip() != "none"]
    for name in (name for item in items for name in split(item)):
        if name not in kinds():
            raise PlanError(f"unknown kind of fault {name!r}; known: {', '.join(kinds())}")
        if lacking := kinds()[name].requires():
            raise PlanError(f"{name} cannot be done here: {lacking}")
    return items


def command(options: dict[str, object]) -> str:
    """Write the command that makes such a recording again: the folder by its last name, defaults left out."""
    said = {"output": Path(str(options["output"])).name, **{k: options[k] for k in ("minutes", "seed", "faults")}}
    usual = {"fault_seconds": DEFAULT.fault, "lead_in": None, "quiet": DEFAULT.quiet, "tail": DEFAULT.tail, "load": 1.0}
    said |= {name: options[name] for name, value in usual.items() if options[name] != value}
    words = [w for name, value in said.items() for w in (f"--{name.replace('_', '-')}", _plain(value))]
    return shlex.join(["crosstide", "lab", "record", *words, *(["--gzip"] if options["gzip"] else [])])


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
