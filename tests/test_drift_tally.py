"""Windows of many services are counted in their baselines' bins at once, and each as if it were alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.drift import BINS, DriftSeries, of_names, of_numbers
from models.drift_count import tally
from models.drift_frame import DriftFrame, with_drift
from models.drift_profile import ABSENT, CLASSES, CONFIDENCE, PREDICTION, UNSEEN, Compiled, Profiles
from models.drift_sample import Observed
from models.drift_tally import tallies
from models.frame_build import FrameBuilder
from models.histogram import LINEAR_BINS

FEATURES = ("a", "b", "c")
VALUES = st.one_of(st.sampled_from([0.0, 1.0, 2.0, float("nan")]), st.floats(-5, 5))


def profile(seed: int) -> dict[str, DriftSeries]:
    """Baselines of every kind: ranges, single values, names and shares."""
    rng = np.random.default_rng(seed)
    share = DriftSeries("share", (1.0, 99.0))
    frozen = {f"feature.{name}.missing_rate": share for name in FEATURES} | {ABSENT: share}
    frozen["feature.a.psi"] = of_numbers(rng.normal(size=200), np.ones(200))
    frozen["feature.b.psi"] = of_numbers(rng.integers(3, size=200).astype(float), np.ones(200))
    frozen[CONFIDENCE] = of_numbers(rng.random(200), np.ones(200))
    frozen[PREDICTION] = of_numbers(rng.normal(size=200), np.ones(200))
    frozen[CLASSES] = of_names({"x": 60, "y": 30, "z": 10})
    frozen[UNSEEN] = DriftSeries("share", (1.0, 99.0), names=("x", "y", "z"))
    return dict(list(frozen.items())[seed % 3 :])


@st.composite
def windows(draw: st.DrawFn) -> Observed:
    names = draw(st.lists(st.sampled_from(FEATURES), unique=True).map(sorted))
    rows = draw(st.integers(0, 6))
    vectors = np.array([[draw(VALUES) for _ in names] for _ in range(rows)]).reshape(rows, len(names))
    confidence = np.zeros(LINEAR_BINS, np.int64)
    for place in draw(st.lists(st.integers(0, LINEAR_BINS - 1), max_size=5)):
        confidence[place] += 1
    with_features = draw(st.integers(0, 9))
    present = {name: draw(st.integers(0, with_features)) for name in names}
    classes = draw(st.dictionaries(st.sampled_from(["x", "z", "new"]), st.integers(1, 9)))
    predictions = np.array(draw(st.lists(st.floats(-3, 3), max_size=4)))
    n = with_features + draw(st.integers(0, 3))
    return Observed(names, vectors, n, with_features, present, confidence, classes, predictions)


@settings(max_examples=60, deadline=None)
@given(st.lists(windows(), min_size=1, max_size=4))
def test_many_are_counted_as_each_alone(samples: list[Observed]) -> None:
    profiles = [profile(seed) for seed in range(len(samples))]
    alone = [
        tally(sample, signal, series)
        for sample, frozen in zip(samples, profiles, strict=True)
        for signal, series in frozen.items()
    ]
    together = tallies(samples, [Compiled(frozen) for frozen in profiles])
    assert together.shape == (len(alone), BINS)
    assert np.array_equal(together, np.stack(alone))


def test_a_signal_that_the_frame_has_keeps_its_row_and_others_get_one_at_the_end() -> None:
    builder, sample = FrameBuilder(), Observed(
        ["a"], np.ones((4, 1)), 5, 4, {"a": 4}, np.zeros(LINEAR_BINS, np.int64), {}, np.zeros(0)
    )  # fmt: skip
    for service in ("one", "other"):
        builder.add(f"service/{service}", "rate", 1.0, 5)
        builder.add(f"service/{service}", "feature.a.missing_rate", 0.0, 4)
        builder.samples[f"service/{service}"] = sample
    frame = with_drift(builder.build(), Profiles({"service/other": profile(0)}))
    assert isinstance(frame, DriftFrame)
    told = dict(zip([frame.keys[row] for row in frame.drift_rows], frame.drift_rows.tolist(), strict=True))
    assert told.pop("service/other feature.a.missing_rate") == 2
    assert sorted(told.values()) == list(range(4, 4 + len(told)))
    assert {key.partition(" ")[0] for key in told} == {"service/other"}
    assert frame.values[told["service/other feature.b.missing_rate"]] == 1.0
