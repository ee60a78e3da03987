"""What training leaves for the operators: pure data, picklable, checked when it is made."""

from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from models.drift import DriftSeries
from models.forest import FlatForest, Floats, contributions
from models.scores import Stream
from models.tail import Tail


@dataclass(frozen=True)
class SeriesBaseline:
    """A series in quiet times: `median` and robust `scale` (not below 0) in the series' unit, over `n` windows."""

    median: float
    scale: float
    n: int

    def __post_init__(self) -> None:
        if not (isfinite(self.median) and isfinite(self.scale)) or self.scale < 0 or self.n < 0:
            raise ValueError(f"a baseline needs finite numbers and no negative scale or count: {self}")


@dataclass(frozen=True, eq=False)
class TrainedForest:
    """A forest with its calibration. Names: `inputs/<service>` (request features), `windows/model`, `windows/infra`.

    `features` [d] in the order of the columns; `threshold` the raw score beyond which a row counts as strange;
    `neutral` [d] the medians of training; `sha256` of the file that the forest is stored in.
    """

    name: str
    features: tuple[str, ...]
    forest: FlatForest
    tail: Tail
    threshold: float
    neutral: Floats
    sha256: str

    def __post_init__(self) -> None:
        if len(set(self.features)) != len(self.features):
            raise ValueError(f"forest {self.name}: a feature is named twice")
        if len(self.features) != self.forest.width or np.shape(self.neutral) != (self.forest.width,):
            raise ValueError(
                f"forest {self.name} takes {self.forest.width} values, but {len(self.features)} features are named "
                f"and {np.size(self.neutral)} neutral values given"
            )
        if not np.isfinite(self.neutral).all() or not isfinite(self.threshold):
            raise ValueError(f"forest {self.name}: threshold and neutral values must be finite")

    def p_value(self, rows: Floats) -> Floats:
        """Rows [n, d] -> p-values [n] in (0, 1]; ValueError for another width and values that are not finite."""
        return self.tail.p_value(self.forest.score(rows))

    def strange(self, rows: Floats) -> NDArray[np.bool_]:
        """Rows [n, d] -> which of them [n] score beyond the threshold; ValueError as `p_value`."""
        return self.forest.score(rows) > self.threshold

    def contributions(self, rows: Floats) -> Floats:
        """Rows [n, d] -> each feature's share [n, d] of a row's score (`models.forest.contributions`)."""
        return contributions(self.forest, rows, self.neutral)


@dataclass(frozen=True, eq=False)
class Artifacts:
    """Everything learned from one reference period.

    `baselines` and `inflation` by series name (inflation: a factor above 0 on the series' scale); `span` the period's
    first and last event time in ms; `id` names the training's manifest ("" when nothing was trained); `drift` the
    frozen distributions by subject (`service/checkout`) and signal (`feature.age.psi`).
    """

    forests: dict[str, TrainedForest]
    baselines: dict[str, SeriesBaseline]
    inflation: dict[str, float]
    span: tuple[int, int]
    id: str
    drift: dict[str, dict[str, DriftSeries]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(not isfinite(factor) or factor <= 0 for factor in self.inflation.values()):
            raise ValueError("an inflation must be a finite number above 0")
        if self.span[0] > self.span[1]:
            raise ValueError("the training span ends before it starts")

    def for_stream(self, stream: Stream) -> "Artifacts":
        """Leave out what the other stream alone needs: its forests, and for telemetry the frozen distributions."""
        mine = {f"windows/{stream}"}
        if stream == "model":
            mine |= {name for name in self.forests if name.startswith("inputs/")}
        forests = {name: forest for name, forest in self.forests.items() if name in mine}
        return replace(self, forests=forests, drift=self.drift if stream == "model" else {})

    @classmethod
    def empty(cls) -> "Artifacts":
        """Nothing learned: detectors that need training abstain."""
        return cls({}, {}, {}, (0, 0), "")
