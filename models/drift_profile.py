"""Frozen baselines of a subject, ready to be counted against: which bins, of what, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.columns import Array
from models.drift import BINS, DriftSeries
from models.frame import Floats, Ints
from models.histogram import LINEAR_BINS, linear_centres

CONFIDENCE, PREDICTION, CLASSES = "confidence.psi", "prediction.psi", "class.psi"
UNSEEN, ABSENT = "class.unseen_share", "inputs.absent_share"
FEATURE, PSI, MISSING = "feature.", ".psi", ".missing_rate"
#: signal -> its frozen baseline, for one subject
Profile = Mapping[str, DriftSeries]


@dataclass(frozen=True)
class Baseline:
    """Frozen counts of some rows [rows, BINS], whether each is a share, whether its bins have an order, and so on."""

    reference: Floats
    share: Array
    ordered: Array
    overdispersion: Floats

    @classmethod
    def of(cls, series: Sequence[DriftSeries]) -> "Baseline":
        """Put baselines (one at least) in rows."""
        return cls(
            reference=np.stack([one.reference for one in series]),
            share=np.array([one.kind == "share" for one in series]),
            ordered=np.array([one.kind != "names" for one in series]),
            overdispersion=np.array([one.overdispersion for one in series]),
        )

    @classmethod
    def joined(cls, parts: Sequence["Baseline"]) -> "Baseline":
        """Put the rows of several (one at least) after each other."""
        names = ("reference", "share", "ordered", "overdispersion")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def at(self, rows: Array) -> "Baseline":
        """Answer some of the rows."""
        return Baseline(self.reference[rows], self.share[rows], self.ordered[rows], self.overdispersion[rows])


class Compiled:
    """A profile with its signals by what they are counted from; places are those in `signals`."""

    def __init__(self, profile: Profile) -> None:
        self.signals, self.series = tuple(profile), list(profile.values())
        place = {signal: at for at, signal in enumerate(self.signals)}
        self.classes, self.confidence = place.get(CLASSES), place.get(CONFIDENCE)
        self.absent, self.unseen = ABSENT in place, UNSEEN in place
        self.known = set(profile[UNSEEN].names) if self.unseen else set[str]()
        told = {ABSENT, UNSEEN, CLASSES, CONFIDENCE}
        missing = {signal[len(FEATURE) : -len(MISSING)]: at for signal, at in place.items() if signal.endswith(MISSING)}
        #: Features whose absence is counted; the places of their signals come first in `shares`.
        self.missing = list(missing)
        others = [place[name] for name in (ABSENT, UNSEEN) if name in place]
        self.shares: Ints = np.array([*missing.values(), *others], np.int64)
        numeric = [at for signal, at in place.items() if signal not in told and not signal.endswith(MISSING)]
        self.numeric: Ints = np.array(numeric, np.int64)
        #: Features by name, or None for the predictions.
        self.numbers = [_feature(self.signals[at]) for at in numeric]

    @cached_property
    def baseline(self) -> Baseline:
        """The baselines in rows."""
        return Baseline.of(self.series)

    @cached_property
    def edges(self) -> Floats:
        """Edges of the numeric baselines [numeric, BINS - 1], infinite where there is none."""
        edges = np.full((len(self.numeric), BINS - 1), np.inf)
        for row, at in enumerate(self.numeric.tolist()):
            edges[row, : len(self.series[at].edges)] = self.series[at].edges
        return edges

    @cached_property
    def marks(self) -> Ints:
        """How many single values the bins of the numeric baselines stand for [numeric]; 0 for those of ranges."""
        series = [self.series[at] for at in self.numeric.tolist()]
        return np.array([len(one.edges) if one.kind == "values" else 0 for one in series], np.int64)

    @cached_property
    def confidence_bins(self) -> Ints:
        """The bin of each of the `LINEAR_BINS` bins that confidences come in."""
        assert self.confidence is not None
        one, centres = self.series[self.confidence], linear_centres(np.arange(LINEAR_BINS))
        return np.array([one.of_numbers(centres[at : at + 1]).argmax() for at in range(LINEAR_BINS)], np.int64)


class Profiles(dict[str, Profile]):
    """Profiles by subject, each compiled when it is first asked for."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        super().__init__(profiles)
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, subject: str) -> Compiled | None:
        """Answer a subject's profile, or None where it has none, or an empty one."""
        found = self._compiled.get(subject)
        if found is None and self.get(subject):
            found = self._compiled[subject] = Compiled(self[subject])
        return found


def _feature(signal: str) -> str | None:
    return None if signal == PREDICTION else signal[len(FEATURE) : -len(PSI)]
