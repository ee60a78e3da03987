"""Learns artifacts from a reference period: baselines, the residuals' inflation, distributions, isolation forests."""

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from crosstide.reference import frames_of
from jobs.artifacts import fit_forest, save
from jobs.feed import input_files
from jobs.stages import STREAM_OF
from models.artifact import Artifacts, SeriesBaseline, TrainedForest
from models.config import Pipeline
from models.detectors.base import View
from models.detectors.ewma import TAIL, EwmaChart, Options
from models.detectors.forest import comparable
from models.drift import DriftSeries
from models.drift_fit import drift_profiles
from models.drift_frame import is_drift, with_drift
from models.expectation import LocalExpectation, spread_about
from models.frame import Floats, Frame
from models.scores import Stream
from models.series import SeriesTable

SEED = 20_26
#: Rows of the whole that are kept for calibration, at the end of the period: never fitted on.
HELD_OUT = 0.4
#: A signal is a feature of the windows' forest where so many windows have it.
COMMON = 0.9
MOST_ROWS = 20_000
#: Share of a reference that is taken to be quiet, and the most that the rest may widen the residuals.
QUIET_SHARE = 0.9
MOST_INFLATION = 2.0
Fitted = tuple[Any, TrainedForest]


class TooLittleError(ValueError):
    """The reference period holds too little to learn from."""


def train(input_folder: Path, output: Path, pipeline: Pipeline) -> tuple[Artifacts, list[str]]:
    """Learn from a folder of messages and write artifacts; answers them, and what could not be learned and why.

    Raises TooLittleError where there are no windows at all, OSError where the disk refuses.
    """
    frames: dict[Stream, list[tuple[int, Frame]]] = {}
    now_ms = int(time.time() * 1000)
    for topic, path in input_files(input_folder).items():
        if topic in STREAM_OF:
            frames[STREAM_OF[topic]] = frames_of(path, topic, pipeline, now_ms)
    ends = [end for found in frames.values() for end, _ in found]
    if not ends:
        raise TooLittleError(f"{input_folder}: no window could be made; a model-outputs or telemetry file is needed")
    drift = _drift(frames.get("model", []), pipeline)
    if "model" in frames:
        frames["model"] = [(end, with_drift(frame, drift)) for end, frame in frames["model"]]
    baselines = {key: base for found in frames.values() for key, base in _baselines(found).items()}
    span = (min(ends) - pipeline.windows.size, max(ends))
    learned = Artifacts({}, baselines, {}, span, "")
    fitted: list[Fitted] = []
    notes: list[str] = []
    inflation: dict[str, float] = {}
    for stream, found in frames.items():
        views = _views(found, pipeline, learned)
        inflation.update(_inflation(views))
        fitted.extend(_or_note(notes, lambda s=stream, v=views: [_window_forest(s, v)]))
    for subject, samples in _samples(frames.get("model", [])).items():
        fitted.extend(_or_note(notes, lambda s=subject, v=samples: [_input_forest(s, v)]))
    return save(output, fitted, baselines=baselines, inflation=inflation, drift=drift, span=span), notes


def _drift(frames: Sequence[tuple[int, Frame]], pipeline: Pipeline) -> dict[str, dict[str, DriftSeries]]:
    """Freeze distributions over windows that do not overlap, so that a request counts once."""
    apart = [frame for end, frame in frames if (end - frames[0][0]) % pipeline.windows.size == 0]
    return drift_profiles(apart, QUIET_SHARE, pipeline.limits.max_features)


def _or_note(notes: list[str], fit: Any) -> list[Fitted]:
    try:
        return list(fit())
    except ValueError as error:
        notes.append(str(error))
        return []


def _baselines(frames: Sequence[tuple[int, Frame]]) -> dict[str, SeriesBaseline]:
    values: dict[str, list[float]] = defaultdict(list)
    for _, frame in frames:
        for key, value in zip(frame.keys, frame.values.tolist(), strict=True):
            values[key].append(value)
    answer = {}
    for key, series in sorted(values.items()):
        row = np.array([series])
        median = np.median(row, axis=1)
        answer[key] = SeriesBaseline(float(median[0]), float(spread_about(row, median)[0]), len(series))
    return answer


def _views(frames: Sequence[tuple[int, Frame]], pipeline: Pipeline, learned: Artifacts) -> list[View]:
    """Replay the expectation over the frames: what the detectors would have seen, with the chart's own memory."""
    expectation, chart = LocalExpectation(pipeline.expectation, learned.baselines), EwmaChart(Options(), {})
    table, views = SeriesTable.empty(), []
    for _, frame in frames:
        table, rows = table.with_rows(frame.keys, {**expectation.layout, **chart.layout})
        memory = {name: column[rows] for name, column in table.columns.items()}
        view = View(frame, expectation.expect(frame, memory), memory)
        views.append(view)
        calm = np.zeros(len(rows), bool)
        learned_columns = expectation.learn(frame, memory, calm) | chart.update(view, chart.score(view))
        for name, column in learned_columns.items():
            table.columns[name][rows] = column
    return views


def _inflation(views: Sequence[View]) -> dict[str, float]:
    """How much wider residuals are than Student's t says, per signal: the ratio of a quantile, within bounds.

    A reference is never quite quiet: the quantile leaves a tenth of its windows out, the bound the rest.
    """
    residuals: dict[str, list[float]] = defaultdict(list)
    for view in views:
        for signal, z, ready in zip(view.frame.signals, view.expected.z, view.expected.ready, strict=True):
            if ready:
                residuals[signal].append(abs(float(z)))
    usual = float(stdtrit(TAIL, (1 + QUIET_SHARE) / 2))
    return {
        signal: float(np.clip(np.quantile(values, QUIET_SHARE) / usual, 1.0, MOST_INFLATION))
        for signal, values in sorted(residuals.items())
    }


def _window_forest(stream: Stream, views: Sequence[View]) -> Fitted:
    """Fit on residual vectors of the commonest kind of subject; kinds differ in their signals."""
    seen: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    totals: dict[str, int] = defaultdict(int)
    for view in views:
        for subject in set(view.frame.subjects):
            totals[subject.partition("/")[0]] += 1
        for subject, signal in zip(view.frame.subjects, view.frame.signals, strict=True):
            seen[subject.partition("/")[0]][signal] += 1
    kind = max(sorted(totals), key=lambda k: totals[k] * len(seen[k]))
    # drift has a detector of its own; on one window alone it is mostly noise
    features = tuple(sorted(s for s, count in seen[kind].items() if count >= COMMON * totals[kind] and not is_drift(s)))
    if not features:
        raise ValueError(f"windows/{stream}: no signal is common to the windows of {kind}")
    rows = []
    for view in views:
        subjects = sorted({s for s in view.frame.subjects if s.partition("/")[0] == kind})
        if subjects:
            rows.append(comparable(view, subjects, features)[0])
    return _fit(f"windows/{stream}", np.concatenate(rows), features)


def _samples(frames: Sequence[tuple[int, Frame]]) -> dict[str, list[tuple[list[str], Floats]]]:
    samples: dict[str, list[tuple[list[str], Floats]]] = defaultdict(list)
    for _, frame in frames:
        for subject, sample in frame.samples.items():
            if len(sample.vectors):
                samples[subject].append((sample.features, sample.vectors))
    return dict(sorted(samples.items()))


def _input_forest(subject: str, samples: list[tuple[list[str], Floats]]) -> Fitted:
    """Fit on the feature vectors of requests; an absent value is the feature's median, an all-absent one is dropped."""
    features = sorted({name for names, _ in samples for name in names})
    rows = np.full((sum(len(vectors) for _, vectors in samples), len(features)), np.nan)
    start = 0
    for names, vectors in samples:
        rows[start : start + len(vectors), [features.index(name) for name in names]] = vectors
        start += len(vectors)
    known = ~np.isnan(rows).all(axis=0)
    rows = rows[:, known]
    rows = np.where(np.isnan(rows), np.nanmedian(rows, axis=0), rows)
    name = f"inputs/{subject.partition('/')[2]}"
    if not known.any():
        raise ValueError(f"{name}: no feature is a number")
    return _fit(name, rows, tuple(np.array(features)[known].tolist()))


def _fit(name: str, rows: Floats, features: tuple[str, ...]) -> Fitted:
    rows = rows[:: max(1, -(-len(rows) // MOST_ROWS))]
    cut = int(len(rows) * (1 - HELD_OUT))
    return fit_forest(name, rows[:cut], rows[cut:], features, SEED)
