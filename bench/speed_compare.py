"""Do the competitors do the same work? Their windows and statistics beside ours, value by value."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.speed_peers.window_stats import WINDOW_MS
from crosstide.kafka_io import read_all
from models.times import to_milliseconds

#: (service, start of the window in ms)
Window = tuple[str, int]
#: window -> number of messages, signals
Told = Mapping[Window, tuple[int, Mapping[str, float]]]
#: Our lines carry six digits; latencies are known to 1 % (`models/histogram.py`), confidences to a bin of 1/256.
DIGITS, LATENCY, CONFIDENCE = 1e-5, 0.0101, 1 / 256
#: What only we know: drift against a baseline, the forest's opinion of inputs, evenness of classes.
OURS_ALONE = (".psi", "unseen_share", "inputs.", "class.entropy", ".spread", ".slope")


@dataclass
class Difference:
    """What a comparison found; `worst` names the largest relative difference, `wrong` those beyond tolerance."""

    windows: int = 0
    values: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    worst: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Answer plain values, examples cut to a few."""
        return {
            "windows": self.windows, "values": self.values, "windows_missing": len(self.missing),
            "values_wrong": len(self.wrong), "largest_relative_difference": self.worst,
            "examples": [*self.missing[:3], *self.wrong[:3]],
        }  # fmt: skip


def compare(ours: Told, theirs: Told) -> Difference:
    """Compare windows that either side has, and the signals that both have."""
    found = Difference()
    for window in sorted(ours.keys() | theirs.keys()):
        if window not in ours or window not in theirs:
            found.missing.append(f"{window}: only {'ours' if window in ours else 'theirs'}")
            continue
        found.windows += 1
        (n, signals), (other_n, other) = ours[window], theirs[window]
        if n != other_n:
            found.wrong.append(f"{window}: {n} messages, theirs {other_n}")
        for name in sorted(signals.keys() & other.keys()):
            _value(found, window, name, signals[name], other[name])
    return found


def _value(found: Difference, window: Window, name: str, ours: float, theirs: float) -> None:
    found.values += 1
    away = abs(ours - theirs) / max(abs(theirs), 1e-9)
    found.worst = max(found.worst, away)
    relative = LATENCY if name.startswith("latency_ms.p") else DIGITS
    absolute = CONFIDENCE if name == "confidence.p10" else 1e-9
    if not math.isclose(ours, theirs, rel_tol=relative, abs_tol=absolute):
        found.wrong.append(f"{window} {name}: {ours}, theirs {theirs}")


def ours_of(bootstrap: str, topic: str) -> dict[Window, tuple[int, dict[str, float]]]:
    """Read our score lines: `n` from the line `fused`, the observed value of every signal from the single verdicts."""
    told: dict[Window, tuple[int, dict[str, float]]] = {}
    for line in _lines(bootstrap, topic):
        window = line["service"], to_milliseconds(line["window"]["start"])
        _n, signals = told.setdefault(window, (0, {}))
        if line["detector"] == "fused":
            told[window] = line["n"], signals
        elif line.get("signal") and not any(part in line["signal"] for part in OURS_ALONE):
            signals[line["signal"]] = line["observed"]
    return {window: found for window, found in told.items() if found[0]}


def theirs_of(bootstrap: str, topic: str) -> dict[Window, tuple[int, dict[str, float]]]:
    """Read a peer's lines."""
    return {
        (line["service"], line["start_ms"]): (line["n"], line["signals"])
        for line in _lines(bootstrap, topic)
        if line["start_ms"] % WINDOW_MS == 0
    }


def _lines(bootstrap: str, topic: str) -> Iterable[Any]:
    for record in read_all(bootstrap, topic):
        told = json.loads(record.value or b"null")
        yield json.loads(told) if isinstance(told, str) else told
