"""One window of a node and of a service, made from a row of numbers, and what training would know of both."""

from dataclasses import replace

import numpy as np

from models.artifact import Artifacts, SeriesBaseline
from models.drift import of_numbers
from models.drift_frame import with_drift
from models.drift_sample import Observed
from models.frame import Floats, Frame
from models.frame_build import FrameBuilder
from models.histogram import LINEAR_BINS
from tests.core_cases import SIGNALS, with_forest

NODE, SERVICE = "node/n1", "service/a"
COLUMNS = len(SIGNALS)
#: Signals of the service that are shares: a tenth where others are ten. One for each column, then again.
SHARES = ("error_rate", "class.a.share", "feature.age.missing_rate")
LEVELS = ("rate", "latency_ms.p95", "feature.age.mean")
WINDOW_S = 10.0
BELL = np.random.default_rng(9).normal(0, 10, 60)
PROFILES = {SERVICE: {"feature.age.psi": of_numbers(10 + BELL, np.ones(len(BELL)))}}


def window(row: Floats, count: int, artifacts: Artifacts) -> Frame:
    """Numbers [COLUMNS], usually near ten, NaN absent -> a frame with every signal made from them."""
    builder = FrameBuilder()
    for place, value in enumerate(row.tolist()):
        builder.add(NODE, SIGNALS[place], value, count)
        share = min(1.0, max(0.0, value / 100))
        error = np.sqrt((share * count + 1) * ((1 - share) * count + 1) / (count + 2) ** 3)
        builder.add(SERVICE, SHARES[place], value / 100, count, float(error))
        error = np.sqrt(count) / WINDOW_S if LEVELS[place] == "rate" else 0.0
        builder.add(SERVICE, LEVELS[place], value, count, float(error))
    if np.isfinite(row[0]):
        builder.samples[SERVICE] = _observed(float(np.clip(row[0], -1e100, 1e100)), count)
    return with_drift(builder.build(), artifacts.drift)


def _observed(level: float, count: int) -> Observed:
    return Observed(
        features=["age"],
        vectors=(level + BELL[:count])[:, None],
        n=count,
        with_features=count,
        present={"age": count},
        confidence=np.zeros(LINEAR_BINS, np.int64),
        classes={},
        predictions=np.zeros(0),
    )


def trained() -> Artifacts:
    """Baselines of every series, a forest for the node's windows, and a frozen distribution of the service's inputs."""
    usual = {f"{NODE} {signal}": SeriesBaseline(10.0, 1.0, 100) for signal in SIGNALS}
    usual |= {f"{SERVICE} {signal}": SeriesBaseline(10.0, 1.0, 100) for signal in LEVELS}
    usual |= {f"{SERVICE} {signal}": SeriesBaseline(0.1, 0.01, 100) for signal in SHARES}
    inflation = dict.fromkeys([*SIGNALS, *LEVELS, *SHARES], 1.2)
    return replace(with_forest(), baselines=usual, inflation=inflation, drift=PROFILES)


def rows_of(frame: Frame, subject: str) -> Frame:
    """Answer a frame of one subject's rows, without samples."""
    rows = [row for row, name in enumerate(frame.subjects) if name == subject]
    return Frame(
        [subject] * len(rows), [frame.signals[row] for row in rows],
        frame.values[rows], frame.counts[rows], frame.errors[rows],
    )  # fmt: skip
