"""The scorer: the strongest verdict is the subject's, weak ones are not written, idle series are forgotten."""

import numpy as np
import pytest

from models.artifact import Artifacts, SeriesBaseline
from models.config import Pipeline
from models.frame import Sample
from models.frame_build import FrameBuilder
from models.outliers import SIGNAL
from tests.core_cases import T0, Play, frame_of, trained_forest, with_forest

KEY = ("node/n1", "x.load")
BASE = Artifacts({}, {"node/n1 x.load": SeriesBaseline(10.0, 1.0, 50)}, {}, (0, 1), "")
RULE = {"signal": "x.load", "above": 11.0, "for": "40s"}


def pipeline(**sections: object) -> Pipeline:
    return Pipeline.model_validate({"detectors": {"infra": [{"kind": "static"}, {"kind": "ewma"}]}, **sections})


def test_the_strongest_verdict_is_that_of_the_subject() -> None:
    (judged,) = Play(pipeline(rules=[RULE], outputs={"score_floor": 0.0}), BASE).window(frame_of({KEY: 30.0}))
    fused, *lines = judged.scores
    assert (fused.detector, {s.detector for s in lines}) == ("fused", {"static", "ewma"})
    assert fused.score == max(s.score for s in lines) > 1
    assert fused.p_value == next(s.p_value for s in lines if s.score == fused.score)
    assert [(c.signal, c.share) for c in fused.contributions] == [("x.load", 1.0)]


def test_a_line_says_what_was_seen_and_what_was_expected() -> None:
    (judged,) = Play(pipeline(), BASE).window(frame_of({KEY: 30.0}))
    (told,) = judged.scores[1:]
    assert (told.observed, told.expected, told.lower, told.upper) == (30.0, 10.0, 6.0, 14.0)
    assert (told.direction, told.signal, told.entity, told.service, told.n) == ("up", "x.load", "node/n1", "n1", 100)
    assert (told.window.start, told.window.end) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:30.000Z")


@pytest.mark.parametrize(("floor", "lines"), [(0.0, 2), (0.25, 2), (0.26, 1), (1e6, 0)])
def test_verdicts_below_the_floor_are_not_written_and_fused_always_is(floor: float, lines: int) -> None:
    (judged,) = Play(pipeline(rules=[RULE], outputs={"score_floor": floor}), BASE).window(frame_of({KEY: 30.0}))
    assert [s.detector for s in judged.scores].count("fused") == 1
    assert len(judged.scores) == 1 + lines


def test_shares_of_a_verdict_add_up_and_the_strong_signal_carries_it() -> None:
    names = [f"x.s{n}" for n in range(4)]
    base = Artifacts({}, {f"node/n1 {name}": SeriesBaseline(10.0, 1.0, 50) for name in names}, {}, (0, 1), "")
    values = {("node/n1", name): 10.0 + 3 * n for n, name in enumerate(names)}
    (judged,) = Play(pipeline(), base).window(frame_of(values))
    parts = judged.scores[0].contributions
    assert parts[0].signal == "x.s3"
    assert sum(part.share for part in parts) == pytest.approx(1, abs=1e-3)


def test_the_strongest_of_many_signals_must_be_stranger_than_one_alone() -> None:
    def strongest(others: int) -> tuple[float, float]:
        values = {("node/n1", f"x.s{n:02d}"): 10.0 for n in range(others)} | {KEY: 18.0}
        base = Artifacts({}, {f"node/n1 {s}": SeriesBaseline(10.0, 1.0, 50) for _, s in values}, {}, (0, 1), "")
        (judged,) = Play(pipeline(outputs={"score_floor": 1.0}), base).window(frame_of(values))
        return judged.scores[0].score, judged.scores[1].score

    alone, alone_line = strongest(0)
    among, among_line = strongest(40)
    assert alone == alone_line == among_line > 1
    assert 0 < among < alone


@pytest.mark.parametrize(
    ("kinds", "artifacts", "status", "reason"),
    [
        (["ewma"], None, "warming_up", "warming_up"),
        (["forest"], None, "abstained", "no_artifact"),
        (["forest", "ewma"], None, "warming_up", "warming_up"),
        (["forest"], with_forest(), "abstained", "features_missing"),
        (["static"], None, "abstained", "no_detector"),
        ([], None, "abstained", "no_detector"),
    ],
)
def test_a_subject_that_nothing_can_judge_has_its_reason(
    kinds: list[str], artifacts: Artifacts | None, status: str, reason: str
) -> None:
    one = Play(Pipeline.model_validate({"detectors": {"infra": [{"kind": kind} for kind in kinds]}}), artifacts)
    (judged,) = one.window(frame_of({KEY: 30.0}))
    (fused,) = judged.scores
    assert (fused.status, fused.reason, fused.score, fused.p_value) == (status, reason, 0, 1)


def test_an_idle_series_is_forgotten_and_begins_anew() -> None:
    one = Play(pipeline(windows={"forget": "60s"}))
    busy = ("node/n2", "x.load")
    for _ in range(3):
        one.window(frame_of({KEY: 1.0, busy: 1.0}))
    sizes = []
    for _ in range(8):
        one.window(frame_of({busy: 1.0}))
        sizes.append(len(one.table.keys))
    assert sizes == [2] * 6 + [1] * 2
    one.window(frame_of({KEY: 1.0}))
    assert one.table.columns["count"].tolist() == [11, 1]


def test_a_strange_window_is_not_learned_and_a_calm_one_is() -> None:
    one = Play(pipeline(), BASE)
    counts = []
    for value in (10.0, 40.0, 10.0, 40.0):
        one.window(frame_of({KEY: value}))
        counts.append(one.table.columns["count"][0])
    assert counts == [1, 1, 2, 2]


def test_a_window_without_any_signal_is_no_trouble() -> None:
    one = Play(Pipeline(), with_forest())
    assert one.window(frame_of({})) == []
    one.window(frame_of({KEY: 1.0}))
    assert one.window(frame_of({})) == []


def test_services_that_records_named_go_along() -> None:
    frame = frame_of({KEY: 1.0})
    frame.services["node/n1"] = ["checkout", "fraud"]
    assert Play().window(frame)[0].services == ["checkout", "fraud"]


def test_the_share_of_strange_requests_is_a_signal_where_there_is_a_forest_for_the_service() -> None:
    features = ["a", "b"]
    forests = {"inputs/checkout": trained_forest("inputs/checkout", features)}
    one = Play(Pipeline(), Artifacts(forests, {}, {}, (0, 1), ""), "model")
    vectors = np.zeros((10, 2))
    vectors[:3] = 50.0
    vectors[3] = np.nan  # absent: neutral, not strange
    builder = FrameBuilder()
    for service in ("checkout", "fraud"):
        builder.add(f"service/{service}", "rate", 1.0, 10)
        builder.samples[f"service/{service}"] = Sample(features, vectors)
    one.window(builder.build())
    row = one.table.keys.index(f"service/checkout {SIGNAL}")
    assert one.table.columns["history"][row, 0] == 0.3
    assert len(one.table.keys) == 3
    assert one.end_ms == T0 + 10_000
