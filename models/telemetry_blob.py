"""Telemetry as columns: what crosses from the reader of a batch to the pane that gathers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from models.columns import Array, bounded, narrow, pack
from models.name_codes import Names, hash_bucket
from models.records import Telemetry, entity_of
from models.signals import canonical

KINDS = ("gauge", "counter", "delta", "event")
#: Separates the parts of a series' name; names of records hold no control characters.
SEPARATOR = "\x1f"
#: What a series' name is made of.
_PARTS = attrgetter("metric", "service", "node", "pod", "gpu", "kind")


@dataclass(frozen=True)
class TelemetryColumns:
    """Samples [n] as columns; a series is (entity, metric, kind, the service that the record names)."""

    time: Array
    series: Names
    partition: Array
    value: Array

    def buckets(self, count: int) -> Array:
        """Answer the hash bucket of each sample: that of its entity."""
        entities = [name.partition(SEPARATOR)[0] for name in self.series.names]
        by_name = np.array([hash_bucket(entity, count) for entity in entities], np.int64)
        return np.asarray(by_name[self.series.codes])

    def at(self, order: Array) -> "TelemetryColumns":
        """Answer the samples in another order."""
        return TelemetryColumns(self.time[order], self.series.at(order), self.partition[order], self.value[order])

    def blob(self, start: int, stop: int) -> bytes:
        """Encode the samples from `start` to `stop`, for `models.telemetry_pane`."""
        codes, names = self.series.part(start, stop)
        first = int(self.time[start])
        return pack(
            {
                "series": codes,
                "names": names,
                "start": np.array([first]),
                "time": narrow(self.time[start:stop] - first),
                "partition": self.partition[start:stop],
                "value": self.value[start:stop],
            }
        )


def columns_of(records: Sequence[Telemetry], times: Array, partitions: Array) -> TelemetryColumns:
    """Turn samples [n] round; `times` (epoch ms) and `partitions` [n] are those of their Kafka records."""
    value = bounded([record.value for record in records])
    return TelemetryColumns(np.asarray(times, np.int64), _series_of(records), narrow(partitions), value)


def pack_telemetry(records: Sequence[Telemetry], times: Sequence[int], partitions: Sequence[int]) -> bytes:
    """Encode samples, at least one, of one pane and bucket."""
    columns = columns_of(records, np.array(times, np.int64), np.array(partitions, np.int64))
    return columns.blob(0, len(records))


def _series_of(records: Sequence[Telemetry]) -> Names:
    """Number the series of samples; its name is made once, however many samples it has."""
    found: dict[tuple[Any, ...], int] = {}
    codes = np.array([found.setdefault(parts, len(found)) for parts in map(_PARTS, records)], np.int64)
    # two ways to name one series (an OpenTelemetry name and ours) are one
    index: dict[str, int] = {}
    table = [index.setdefault(_series(parts), len(index)) for parts in found]
    return Names(list(index), np.array(table, np.int64)[codes])


def _series(parts: tuple[Any, ...]) -> str:
    metric, service, node, pod, gpu, kind = parts
    entity = entity_of(Telemetry(timestamp=0, metric=metric, value=0.0, service=service, node=node, pod=pod, gpu=gpu))
    return SEPARATOR.join((entity, canonical(metric), kind, service or ""))
