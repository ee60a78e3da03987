"""What matters: the smallest change of each signal that does harm. Shared by the control charts.

A chart on a very steady signal otherwise alarms at trifles: a chart's score counts fully only where the change is as
large as the signal's effect, and only in the direction that does harm. Spread and slope of a metric have no level of
their own to compare with: they matter as far as they move the metric itself.
"""

from collections.abc import Sequence
from fnmatch import fnmatch

import numpy as np
from pydantic import Field

from models.columns import LARGEST, Array
from models.config import Section
from models.expectation import Expected
from models.frame import Floats, Frame
from models.name_codes import Names
from models.scores import Direction

#: Derived signals: how much of what matters of the metric matters of them. A slope, per second, matters where it moves
#: the metric so far within a minute.
DERIVED = {"spread": 1.0, "slope": 1 / 60}


class Effect(Section):
    """The smallest change of a signal that matters: the larger of the two, in a direction that does harm."""

    signal: str = Field(description="Signal name, `*` matches.")
    direction: Direction = Field("either", description="Which change does harm: `up`, `down` or `either`.")
    relative: float = Field(0.0, ge=0, description="As a share of the expectation.")
    absolute: float = Field(0.0, ge=0, description="In the signal's unit.")


#: The first match counts; of events one is enough.
DEFAULT_EFFECTS = [
    Effect(signal="error_rate", direction="up", absolute=0.03),
    Effect(signal="latency_ms.*", direction="up", relative=0.3, absolute=1.0),
    Effect(signal="confidence.*", absolute=0.04),
    Effect(signal="class.entropy", absolute=0.25),
    Effect(signal="class.*", absolute=0.15),
    Effect(signal="inputs.outlier_share", direction="up", absolute=0.1),
    Effect(signal="feature.*.missing_rate", direction="up", absolute=0.05),
    Effect(signal="feature.*", relative=0.3),
    Effect(signal="rate", relative=0.5),
    Effect(signal="*restarts", direction="up", absolute=1.0),
    Effect(signal="*oom*", direction="up", absolute=1.0),
    Effect(signal="*.utilization", absolute=0.1),
    Effect(signal="*", relative=0.25),
]


class ChartOptions(Section):
    """Options that the control charts share."""

    arl0: float = Field(
        5000, gt=10, description="Windows between two false signals of one series, on average: alpha is 1 / arl0."
    )
    effects: list[Effect] = Field(DEFAULT_EFFECTS, description="Smallest changes that matter; the first match counts.")


#: Drift signals rest at 0 and are judged against a frozen baseline, by a detector of their own: to a chart of what is
#: usual now no change of them matters.
ELSEWHERE = [Effect(signal=name, absolute=LARGEST) for name in ("*.psi", "class.unseen_share", "inputs.absent_share")]


class Effects:
    """A list of effects, looked up by signal; every answer is aligned with the rows asked for."""

    def __init__(self, effects: Sequence[Effect]) -> None:
        self._effects = [*ELSEWHERE, *effects, Effect(signal="*")]
        self._first: dict[str, int] = {}
        self._relative = np.array([effect.relative for effect in self._effects])
        self._absolute = np.array([effect.absolute for effect in self._effects])
        self._up = np.array([effect.direction != "down" for effect in self._effects])
        self._down = np.array([effect.direction != "up" for effect in self._effects])

    def of(self, signal: str) -> Effect:
        """Answer the effect of one signal: the first that matches, else one that every change is larger than."""
        return self._effects[self._place(signal)]

    def harmful(self, signals: Names) -> tuple[Array, Array]:
        """Answer whether a rise of each row's signal does harm, and whether a fall does: two arrays [rows] bool."""
        places = self._places(signals)
        return self._up[places], self._down[places]

    def clipped(self, signals: Names, residuals: Floats) -> Floats:
        """Answer the residuals [rows] with those in a direction that does no harm set to 0."""
        up, down = self.harmful(signals)
        return np.asarray(np.where((residuals > 0) & up | (residuals < 0) & down, residuals, 0.0))

    def share(self, frame: Frame, expected: Expected) -> Floats:
        """Answer how much of the smallest change that matters is there now, 0..1 [rows]; in either direction."""
        places = self._places(frame.by_signal)
        floor = np.maximum(self._relative[places] * np.abs(expected.level), self._absolute[places])
        rows, metrics, parts = self._derived(frame)
        floor[rows] = floor[metrics] * parts
        change = np.abs(frame.values - expected.level)
        return np.asarray(np.minimum(1.0, change / np.maximum(floor, 1e-12)))

    def _derived(self, frame: Frame) -> tuple[Array, Array, Array]:
        """Rows of derived signals that no effect names, the rows of their metrics, and how much of these matters."""
        code_of = {name: code for code, name in enumerate(frame.by_signal.names)}
        parent, part = np.full(len(code_of), -1, np.int64), np.zeros(len(code_of))
        for signal, code in code_of.items():
            metric, _, what = signal.rpartition(".")
            if what in DERIVED and metric in code_of and self.of(signal).signal == "*":
                parent[code], part[code] = code_of[metric], DERIVED[what]
        if not part.any():
            none = np.zeros(0, np.int64)
            return none, none, np.zeros(0)
        derived = frame.pairs.last[part[frame.by_signal.codes[frame.pairs.last]] > 0]
        signals, subjects = frame.by_signal.codes[derived], frame.by_subject.codes[derived]
        metrics = frame.pairs.rows(frame.pair_keys(subjects, parent[signals]))
        known = metrics >= 0
        return derived[known], metrics[known], part[signals[known]]

    def _places(self, signals: Names) -> Array:
        return np.fromiter(map(self._place, signals.names), np.int64, len(signals.names))[signals.codes]

    def _place(self, signal: str) -> int:
        place = self._first.get(signal)
        if place is None:
            place = next(n for n, effect in enumerate(self._effects) if fnmatch(signal, effect.signal))
            self._first[signal] = place
        return place
