"""What a configuration of the right shape can still get wrong: values that do not fit, and dead references."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from models.config import Pipeline, Rule
from models.config_problems import MAX_COMPARED, Path, closest, unknown
from models.durations import format_duration as text
from models.signals import judge_pattern

_ENTITY = re.compile(r"^[a-z][a-z0-9_]*/\S+$")
_KINDS = {"n": "node", "p": "pod", "g": "gpu"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that makes no sense: `paths` take part in it (the first is to blame), `hint` completes "write ..."."""

    paths: tuple[Path, ...]
    message: str
    hint: str


def find(pipeline: Pipeline) -> Iterator[Finding]:
    """Judge a configuration whose shape is right."""
    return chain(_windows(pipeline), _counts(pipeline), _rules(pipeline), _who(pipeline), _topology(pipeline))


def _windows(pipeline: Pipeline) -> Iterator[Finding]:
    w = pipeline.windows
    pane, size, slide, forget = (("windows", name) for name in ("pane", "size", "slide", "forget"))
    empty = [name for name in ("pane", "size", "slide", "idle_timeout", "forget") if getattr(w, name) == 0]
    for name in empty:
        yield Finding((("windows", name),), f"{name} has no length", "a duration above 0, as 10s")
    if {"pane", "size", "slide"} & set(empty):
        return
    if w.size % w.pane:
        yield Finding(
            (size, pane), f"size {text(w.size)} is not a multiple of pane {text(w.pane)}", _near(w.size, w.pane)
        )
    if w.slide is not None and w.slide % w.pane:
        message = f"slide {text(w.slide)} is not a multiple of pane {text(w.pane)}"
        yield Finding((slide, pane), message, _near(w.slide, w.pane))
    elif w.slide is not None and w.size % w.slide:
        message = f"slide {text(w.slide)} does not divide size {text(w.size)}"
        yield Finding((slide, size, pane), message, _divisors(w.size, w.pane))
    if 0 < w.forget < w.size:
        message = f"forget {text(w.forget)} is shorter than size {text(w.size)}"
        yield Finding((forget, size), message, f"{text(w.size)} or more")


def _counts(pipeline: Pipeline) -> Iterator[Finding]:
    opening, expectation = pipeline.opening, pipeline.expectation
    if opening.m > opening.n:
        paths: tuple[Path, ...] = (("opening", "m"), ("opening", "n"))
        message = f"m {opening.m} of n {opening.n} windows can never be"
        yield Finding(paths, message, f"m up to {opening.n}, or n from {opening.m}")
    if expectation.warm_up > expectation.history:
        paths = (("expectation", "warm_up"), ("expectation", "history"))
        message = f"warm_up {expectation.warm_up} is more than the {expectation.history} windows of history kept"
        yield Finding(paths, message, f"warm_up up to {expectation.history}, or more history")


def _rules(pipeline: Pipeline) -> Iterator[Finding]:
    # where the windows themselves are wrong, nothing can be said of what has to fit them
    slide = 0 if any(_windows(pipeline)) else pipeline.windows.slide_ms
    for index, rule in enumerate(pipeline.rules):
        here: Path = ("rules", index)
        lasting: Path = (*here, "for")
        if found := judge_pattern(rule.signal):
            yield Finding(((*here, "signal"),), *found)
        yield from _limits(rule, here)
        steps = (("windows", "slide"), ("windows", "size"))
        if slide and (rule.lasting == 0 or rule.lasting % slide):
            message = f"for {text(rule.lasting)} is not a multiple of {text(slide)}, the distance between windows"
            yield Finding((lasting, *steps), message, _near(rule.lasting, slide))
        services = pipeline.topology.services
        if "*" not in rule.service and rule.service not in services and closest(rule.service, services):
            yield Finding(((*here, "service"),), *unknown("service", rule.service, services))
    static = [d for d in (*pipeline.detectors.model, *pipeline.detectors.infra) if d.get("kind") == "static"]
    if pipeline.rules and not static:
        message = "rules, but no detector 'static' that reads them"
        yield Finding((("rules",), ("detectors",)), message, "{kind: static} under 'detectors', or no rules")


def _limits(rule: Rule, here: Path) -> Iterator[Finding]:
    above: Path = (*here, "above")
    below: Path = (*here, "below")
    if rule.above is None and rule.below is None:
        yield Finding((here, above, below), "a rule without a limit", "'above: ...' or 'below: ...' or both")
    elif rule.above is not None and rule.below is not None and rule.below >= rule.above:
        message = f"every value is below {rule.below:g} or above {rule.above:g}: the rule is always broken"
        yield Finding((below, above), message, f"below less than {rule.above:g}, or only one of the two")


def _who(pipeline: Pipeline) -> Iterator[Finding]:
    for index, name in enumerate(pipeline.opening.who):
        if found := judge_pattern(name, model_only=True):
            yield Finding((("opening", "who", index),), *found)


def _topology(pipeline: Pipeline) -> Iterator[Finding]:
    services = pipeline.topology.services
    for name, node in services.items():
        here: Path = ("topology", "services", name)
        for index, entity in enumerate(node.on):
            if not _ENTITY.match(entity):
                guess = f"{_KINDS.get(entity[:1].lower(), 'node')}/{entity.strip('/') or 'NAME'}"
                message = f"'{entity}' is no entity: kind/name"
                yield Finding(((*here, "on", index),), message, f"its kind before it, as {guess.replace(' ', '-')}")
        for index, called in enumerate(node.calls):
            if called == name:
                yield Finding(((*here, "calls", index),), f"'{name}' calls itself", "only the other services it calls")
            elif called not in services:
                # comparing names with thousands of services, for thousands of calls, would take minutes
                near = closest(called, services) if len(services) <= MAX_COMPARED else None
                message = f"unknown service '{called}'" + (f": did you mean '{near}'?" if near else "")
                add = f"'{called}' under 'services' too"
                hint = f"{near}, or add {add}" if near else f"{add}, or leave the call out"
                yield Finding(((*here, "calls", index),), message, hint)


def _divisors(size: int, pane: int) -> str:
    panes = size // pane
    values = [text(n * pane) for n in range(1, min(panes, 10_000) + 1) if size % (n * pane) == 0]
    return _either(values[-6:]) if values else f"{text(size)}, the size itself"


def _near(value: int, step: int) -> str:
    below = value // step * step
    return _either([text(v) for v in (below, below + step) if v > 0])


def _either(values: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(values[:-1]), values[-1])))
