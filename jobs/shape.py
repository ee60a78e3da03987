"""What of a configuration saved state is cut by: a job may only go on from state of the same shape.

Thresholds, rules and detectors may change from one savepoint to the next. Panes, windows and buckets may not: kept
panes would be merged into windows that they do not fit, and a service's memory would be looked for in another bucket.
The shape is part of the scoring operators' uids, so that Flink itself refuses such a restore, however it is started;
`crosstide submit` says why before Flink is asked.
"""

from collections.abc import Mapping

from models.config import Pipeline
from models.durations import format_duration

Shape = dict[str, int]
#: Raised when the operators' states get other names: Flink would not miss those of the old names, and begin anew.
LAYOUT = 1


def shape_of(pipeline: Pipeline) -> Shape:
    """Return key -> value (durations in ms) of everything that state depends on."""
    windows = pipeline.windows
    return {
        "windows.pane": windows.pane,
        "windows.size": windows.size,
        "windows.slide": windows.slide_ms,
        "windows.buckets": windows.buckets,
        "layout": LAYOUT,
    }


def shape_name(pipeline: Pipeline) -> str:
    """Return the shape as one word, for a uid.

    >>> shape_name(Pipeline())
    'pane5000-size10000-slide10000-buckets8-layout1'
    """
    return "-".join(f"{key.removeprefix('windows.')}{value}" for key, value in shape_of(pipeline).items())


def refusal(before: Mapping[str, int], now: Mapping[str, int]) -> str | None:
    """Say what keeps state of one shape from being taken over by another; None: nothing does."""
    changed = [f"{key} was {_text(key, before[key])} and is {_text(key, now[key])}" for key in now
               if key in before and before[key] != now[key]]  # fmt: skip
    if not changed:
        return None
    return f"{', '.join(changed)}: saved state is cut by it; keep the old value, or start anew without --from"


def _text(key: str, value: int) -> str:
    return str(value) if key in ("windows.buckets", "layout") else format_duration(value)
