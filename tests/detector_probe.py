"""A detector with a witness: whatever it answers is checked against what every detector promises."""

import numpy as np

from models.columns import Array
from models.detectors.base import Detector, Marks, View
from models.series import Layout


class Witness:
    """Passes every call on, and raises AssertionError where the promise is broken. Keeps the marks in `seen`."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.seen: list[Marks] = []

    @property
    def layout(self) -> Layout:
        return self._detector.layout

    def score(self, view: View) -> Marks:
        before = _digest(view)
        marks, again = self._detector.score(view), self._detector.score(view)
        assert _digest(view) == before, "scoring changed what it was given"
        assert _told(marks) == _told(again), "scoring twice gave two answers"
        _check(marks, len(view.frame.values))
        self.seen.append(marks)
        return marks

    def update(self, view: View, marks: Marks) -> dict[str, Array]:
        before = _digest(view)
        learned, again = self._detector.update(view, marks), self._detector.update(view, marks)
        assert _digest(view) == before, "learning changed what it was given"
        assert {n: c.tobytes() for n, c in learned.items()} == {n: c.tobytes() for n, c in again.items()}
        assert set(learned) == set(self.layout)
        assert all(np.isfinite(column).all() for column in learned.values())
        assert _told(self._detector.score(view)) == _told(marks), "a window's score depends on having learned it"
        return learned


def _digest(view: View) -> list[bytes]:
    expected = view.expected
    parts = [view.frame.values, view.frame.counts, view.frame.errors, expected.level, expected.scale, expected.z]
    return [part.tobytes() for part in [*parts, expected.ready, *view.memory.values()]]


def _told(marks: Marks) -> tuple[object, ...]:
    arrays = (marks.rows, marks.scores, marks.p_values)
    return (*[a.tobytes() for a in arrays], marks.reasons, marks.contributions, marks.artifact, marks.multivariate)


def _check(marks: Marks, rows: int) -> None:
    assert len(marks.rows) == len(marks.scores) == len(marks.p_values) == len(marks.reasons)
    assert ((marks.rows >= 0) & (marks.rows < rows)).all()
    assert len(set(marks.rows.tolist())) == len(marks.rows)
    assert np.isfinite(marks.scores).all()
    assert (marks.scores >= 0).all()
    assert ((marks.p_values >= 0) & (marks.p_values <= 1)).all()
    for score, p_value, reason in zip(marks.scores, marks.p_values, marks.reasons, strict=True):
        assert not reason or (score, p_value) == (0, 1), "an abstention with a verdict"
    for parts in marks.contributions:
        assert sum(part.share for part in parts) <= 1 + 1e-9
