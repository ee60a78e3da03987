"""Reads raw records in Arrow batches: the whole answer of a batch stands in its first row, NULL in the others."""

import os
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from pyflink.table.udf import ScalarFunction

from models.batch import Arrival, BatchReader
from models.columns import Array
from models.config import Pipeline
from models.intake import TopicName

#: Where there is no watermark yet: before every event.
NEVER = np.iinfo(np.int64).min


class ReadBatch(ScalarFunction):  # type: ignore[misc]
    """(message, timestamp, rowtime, watermark, partition, offset) -> encoded packets of the batch."""

    def __init__(self, topic: TopicName, pipeline: Pipeline, header: int) -> None:
        self._topic, self._pipeline, self._header = topic, pipeline, header

    def open(self, function_context: Any) -> None:  # noqa: ARG002
        """Build the reader once per worker."""
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._reader = BatchReader(self._topic, self._pipeline)

    def is_deterministic(self) -> bool:
        """Say no: the planner would otherwise evaluate it twice, for the filter and for the projection."""
        return False

    def eval(self, message: Any, timestamp: Any, rowtime: Any, watermark: Any, partition: Any, offset: Any) -> Any:
        """Answer a series of bytes, as long as the batch."""
        times = _milliseconds(timestamp)
        ahead = _milliseconds(rowtime) != times
        pane = self._pipeline.windows.pane
        late = times // pane * pane + pane - 1 <= _milliseconds(watermark)
        arrivals = [
            Arrival(None if value is None else value[self._header :], *where)
            for value, *where in zip(
                message.tolist(),
                times.tolist(),
                partition.tolist(),
                offset.tolist(),
                late.tolist(),
                ahead.tolist(),
                strict=True,
            )
        ]
        answer = np.full(len(message), None, object)
        packets = self._reader.read(arrivals)
        if packets:
            answer[0] = msgspec.msgpack.encode(packets)
        return pd.Series(answer)


def _milliseconds(times: Any) -> Array:
    """Epoch ms of a series of timestamps. `.values`, not `to_numpy`: that makes an object of each (6 us)."""
    values = times.values.astype("datetime64[ms]")
    whole = values.astype(np.int64)
    return np.where(np.isnat(values), NEVER, whole)
