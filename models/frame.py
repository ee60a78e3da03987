"""A frame: the signals of one window, ready to be judged; one row per signal of a subject."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.columns import LARGEST

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Feature vectors of some requests of a subject: [k, features], NaN where a feature is absent."""

    features: list[str]
    vectors: Floats


@dataclass(frozen=True)
class Frame:
    """Signals of a window, aligned arrays [rows]: value, number of records behind it, and its sampling error or 0."""

    subjects: list[str]
    signals: list[str]
    values: Floats
    counts: Ints
    errors: Floats
    samples: dict[str, Sample] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)  # subject -> services that its records named

    @property
    def keys(self) -> list[str]:
        """Names of the series, one per row: subject, space, signal."""
        return [f"{subject} {signal}" for subject, signal in zip(self.subjects, self.signals, strict=True)]


class FrameBuilder:
    """Collects rows of a frame."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, float, int, float]] = []
        self.samples: dict[str, Sample] = {}
        self.services: dict[str, list[str]] = {}

    def add(self, subject: str, signal: str, value: float, count: int, error: float = 0.0) -> None:
        """Add one signal, no larger than `LARGEST`; a value that is not finite is left out, so its row is absent."""
        if np.isfinite(value):
            self._rows.append((subject, signal, max(-LARGEST, min(LARGEST, float(value))), count, error))

    def build(self) -> Frame:
        """Answer the frame, rows sorted by subject and signal."""
        rows = sorted(self._rows)
        return Frame(
            subjects=[row[0] for row in rows],
            signals=[row[1] for row in rows],
            values=np.array([row[2] for row in rows]),
            counts=np.array([row[3] for row in rows], np.int64),
            errors=np.array([row[4] for row in rows]),
            samples=self.samples,
            services=self.services,
        )
