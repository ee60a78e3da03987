"""The verdict on a subject, worked out for all subjects at once, is what each subject's own verdicts say."""

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.base import Marks, View
from models.expectation import Expected
from models.frame import Frame
from models.fuse import NAMED, fused_scores
from models.scores import Contribution
from tests.core_cases import T0, frame_of

SUBJECTS, SIGNALS = ("node/a", "node/b"), tuple(f"s{number}" for number in range(7))
SCORES = st.sampled_from([0.0, 0.3, 0.9, 1.0, 2.5, 4.0])
P_VALUES = st.sampled_from([1.0, 0.4, 0.001, 1e-9, 0.0])
REASONS = st.sampled_from(["", "", "", "warming_up", "no_requests"])


@dataclass(frozen=True)
class Said:
    """One verdict as the slow truth sees it; without a signal it is one of a multivariate detector."""

    detector: str
    signal: str
    score: float
    p_value: float


def view_of(frame: Frame) -> View:
    one = np.ones(len(frame.values))
    return View(frame, Expected(one, one, one, one > 0, one), {})


@st.composite
def verdicts(draw: st.DrawFn, frame: Frame) -> list[Marks]:
    marks = []
    for detector in ("static", "ewma", "rates", "forest", "pca"):
        together = detector in ("forest", "pca")
        rows = draw(st.lists(st.sampled_from(range(len(frame.values))), unique=True).map(sorted))
        rows = frame.firsts.tolist() if together else rows
        scores, p_values = (np.array([draw(kind) for _ in rows], float) for kind in (SCORES, P_VALUES))
        reasons = [draw(REASONS) for _ in rows]
        parts = [[Contribution(f"{detector}{number}", 0.1) for number in range(6)] for _ in rows] if together else []
        marks.append(Marks(detector, np.array(rows, np.int64), scores, p_values, reasons, together, parts))
    return marks


def of(frame: Frame, marks: list[Marks], subject: str) -> list[Said]:
    return [
        Said(mark.detector, "" if mark.multivariate else frame.signals[row], float(score), float(p_value))
        for mark in marks
        for row, score, p_value, reason in zip(mark.rows, mark.scores, mark.p_values, mark.reasons, strict=True)
        if frame.subjects[row] == subject and not reason
    ]


def corrected(one: Said, looked_at: int) -> tuple[float, float]:
    if one.detector == "static" or not 0 < one.p_value < 1:
        return one.score, one.p_value
    p_value = min(1.0, looked_at * one.p_value)
    return one.score * (math.log(p_value) / math.log(one.p_value)), p_value


def named(said: list[Said]) -> dict[str, float]:
    best = {one.signal: max(other.score for other in said if other.signal == one.signal) for one in said if one.signal}
    strongest = sorted(((score, name) for name, score in best.items() if score > 0), key=lambda p: (-p[0], p[1]))[
        :NAMED
    ]
    total = sum(score**2 for score, _ in strongest)
    return {name: round(score**2 / total, 4) for score, name in strongest}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_all_at_once_are_as_one_by_one(data: st.DataObject) -> None:
    frame = frame_of({(subject, signal): 1.0 for subject in SUBJECTS for signal in SIGNALS})
    marks = data.draw(verdicts(frame))
    fused = fused_scores(view_of(frame), marks, "infra", T0, T0 + 10_000)
    assert list(fused) == list(SUBJECTS)
    for subject, verdict in fused.items():
        said = of(frame, marks, subject)
        if not said:
            assert (verdict.score, verdict.p_value, verdict.contributions) == (0, 1, [])
            assert verdict.status == ("warming_up" if verdict.reason == "warming_up" else "abstained")
            continue
        looked_at = len({one.signal or one.detector for one in said})
        score, p_value = max(corrected(one, looked_at) for one in said)
        assert (verdict.score, verdict.p_value) == (float(f"{score:.6g}"), float(f"{p_value:.6g}"))
        together = [one for one in said if not one.signal and one.score >= 1]
        if together and not any(one.signal and one.score >= 1 for one in said):
            strongest = max(together, key=lambda one: one.score).detector
            assert [part.signal for part in verdict.contributions] == [f"{strongest}{number}" for number in range(5)]
        else:
            assert {part.signal: part.share for part in verdict.contributions} == named(said)
