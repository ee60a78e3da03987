"""Telemetry as columns: what crosses from the reader of a batch to the pane that gathers it."""

import numpy as np

from models.columns import bounded, pack
from models.records import Telemetry, entity_of
from models.signals import canonical

KINDS = ("gauge", "counter", "delta", "event")
#: Separates the parts of a series' name; names of records hold no control characters.
SEPARATOR = "\x1f"


def pack_telemetry(records: list[Telemetry], times: list[int], partitions: list[int]) -> bytes:
    """Encode samples of one pane and bucket; a series is (entity, metric, kind, the service that the record names)."""
    series: dict[str, int] = {}
    codes = [series.setdefault(_series(record), len(series)) for record in records]
    return pack(
        {
            "series": np.array(codes, np.int32),
            "names": list(series),
            "time": np.array(times, np.int64),
            "partition": np.array(partitions, np.int32),
            "value": bounded([record.value for record in records]),
        }
    )


def _series(record: Telemetry) -> str:
    return SEPARATOR.join((entity_of(record), canonical(record.metric), record.kind, record.service or ""))
