"""What signals and detectors mean, a line each, for someone who has not read the manual."""

from fnmatch import fnmatchcase

from models.signals import MODEL_SIGNALS
from models.symptoms import machine_of

DETECTORS = {
    "ewma": "a signal is far from its own recent course, at once or by a little for long",
    "cusum": "a small shift of a signal that lasts",
    "rates": "a share or a rate that the number of requests cannot explain by chance",
    "drift": "values are distributed otherwise than in the quiet recording that was learned from",
    "forest": "signals that are unusual together, by an isolation forest trained on that recording",
    "pca": "signals that leave their usual relation to each other",
    "static": "a rule that someone wrote",
    "silence": "what usually comes did not come",
    "event": "a kill or a restart: a fact, not a statistic",
}
_OTHERS = {"telemetry.rate": "Readings a second that arrive; none: its telemetry fell silent."}
_PARTS = {".spread": "how much it varies within a window", ".slope": "how fast it climbs within a window"}


def meaning(signal: str) -> str:
    """Say what a signal is.

    >>> meaning("latency_ms.p50")
    'Median latency, milliseconds.'
    """
    if signal in _OTHERS:
        return _OTHERS[signal]
    for known, words in MODEL_SIGNALS.items():
        if fnmatchcase(signal, known.replace("<name>", "*")):
            return words
    part = next((f" ({words})" for end, words in _PARTS.items() if signal.endswith(end)), "")
    return f"Machine reading{part}: out of range it points to {machine_of(signal).words}."
