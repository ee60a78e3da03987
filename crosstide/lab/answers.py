"""What a loaded model says to one row: its prediction, and how sure it is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from crosstide.lab.data import Array, table

#: Categories shown to a user of a ranking; a click on none of them says nothing about the others.
SHOWN = 3


@dataclass(frozen=True)
class Answer:
    """`prediction`: a class or a number; `probabilities` of classes (none for a number)."""

    prediction: str | float
    confidence: float
    probabilities: dict[str, float]

    def likeliest(self) -> dict[str, float]:
        """Answer the probabilities that are worth a record: those of the likeliest classes, to a thousandth."""
        return {name: round(self.probabilities[name], 3) for name in self._shown()}

    def _shown(self) -> list[str]:
        return sorted(self.probabilities, key=lambda name: (-self.probabilities[name], name))[:SHOWN]

    def label(self, service: str, truth: str | float) -> str | float:
        """Say what is learned of the truth later: the truth itself, or for a ranking the click it leads to."""
        if service != "ranking":
            return truth
        return truth if truth in self._shown() else "none"


@dataclass(frozen=True)
class Loaded:
    """A model in memory. The service swaps it in one assignment, so a request sees one model throughout."""

    forest: Any
    version: str
    neutral: dict[str, float]

    def answer(self, features: dict[str, float | None]) -> Answer:
        """Answer a row of features in the model's order; a missing one (None) is taken as neutral."""
        row = [self.neutral[name] if value is None else value for name, value in features.items()]
        return self._number(row) if self._is_number else self._class(row)

    @cached_property
    def _is_number(self) -> bool:
        return not hasattr(self.forest, "classes_")

    def _class(self, row: list[float]) -> Answer:
        shares = self.forest.predict_proba([row])[0]
        named = {str(name): float(share) for name, share in zip(self.forest.classes_, shares, strict=True)}
        best = max(named, key=named.__getitem__)
        return Answer(best, named[best], named)

    def _number(self, row: list[float]) -> Answer:
        """Confidence is the share of trees within the model's own out-of-bag error of their mean."""
        values: Array = np.array([tree.predict([row])[0] for tree in self.forest.estimators_])
        mean = float(values.mean())
        return Answer(mean, float((np.abs(values - mean) <= self._usual_error).mean()), {})

    @cached_property
    def _usual_error(self) -> float:
        explained = max(0.0, float(self.forest.oob_score_))
        return float(table("price").train_labels.std() * np.sqrt(1 - explained))
