"""Static rules with a duration: a signal beyond a level for so long without a gap.

Exact, needs no learning, and blind to everything that nobody wrote a rule for. The score is the share of the
duration that has passed; its p-value is nominal: the one that has this score on the common scale.
"""

from fnmatch import fnmatch
from functools import lru_cache

import numpy as np

from models.columns import Array
from models.config import Rule, Section
from models.detectors.base import Context, Marks, View
from models.frame import Floats
from models.series import Layout

KIND = "static"
NOMINAL_ALPHA = 1e-4


class Options(Section):
    """Options of kind `static`: none; it applies `rules`."""


def build(options: Options, context: Context) -> "StaticRules":  # noqa: ARG001
    """Build the rules of the pipeline."""
    return StaticRules(context.pipeline.rules, context.pipeline.windows.slide_ms)


class StaticRules:
    """Remembers, per rule and series, how many windows in a row have broken it."""

    def __init__(self, rules: list[Rule], slide_ms: int) -> None:
        self._rules = {_name(rule): rule for rule in rules}
        self._needed = {name: max(1, -(-rule.lasting // slide_ms)) for name, rule in self._rules.items()}

    @property
    def layout(self) -> Layout:
        """One run length per rule."""
        return dict.fromkeys(self._rules, (None, 0.0))

    def score(self, view: View) -> Marks:
        """Answer one verdict per row that some rule speaks of: its nearest rule."""
        best, runs = np.full(len(view.frame.signals), -1.0), dict[str, Floats]()
        for name, rule in self._rules.items():
            applies = _applies(rule, view)
            runs[name] = self._run(name, rule, view, applies)
            best = np.maximum(best, np.where(applies, runs[name] / self._needed[name], -1.0))
        rows = np.flatnonzero(best >= 0)
        scores = best[rows]
        return Marks(KIND, rows, scores, np.power(NOMINAL_ALPHA, scores), [""] * len(rows), kept=runs)

    def update(self, view: View, marks: Marks) -> dict[str, Array]:  # noqa: ARG002
        """Lengthen the runs of broken rules, and end the others."""
        return dict(marks.kept)

    def _run(self, name: str, rule: Rule, view: View, applies: Array) -> Floats:
        broken = np.zeros(len(view.frame.values), bool)
        if rule.above is not None:
            broken |= view.frame.values > rule.above
        if rule.below is not None:
            broken |= view.frame.values < rule.below
        return np.where(broken & applies, np.where(view.returned, 0.0, view.memory[name]) + 1, 0.0)


def _applies(rule: Rule, view: View) -> Array:
    """Mark the rows that a rule is for."""
    signals, subjects = view.frame.by_signal, view.frame.by_subject
    signal = np.array([_fits(name, rule.signal) for name in signals.names], bool)[signals.codes]
    if not signal.any() or rule.service == "*":
        return np.asarray(signal)
    service = np.array([_fits(name.partition("/")[2], rule.service) for name in subjects.names], bool)
    return np.asarray(signal & service[subjects.codes])


@lru_cache(maxsize=65_536)
def _fits(name: str, pattern: str) -> bool:
    return fnmatch(name, pattern)


def _name(rule: Rule) -> str:
    return f"static/{rule.service}/{rule.signal}/{rule.above}/{rule.below}/{rule.lasting}"
