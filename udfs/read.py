"""Reads raw records in Arrow batches: a batch's loads (`models.loads`) stand in its first rows, NULL in the others."""

import gc
import os
from typing import Any

import numpy as np
import pandas as pd
from pyflink.table.udf import ScalarFunction

from models.batch import Arrivals, BatchReader
from models.columns import Array
from models.config import Pipeline
from models.intake import TopicName
from models.loads import loads_of

#: Where there is no watermark yet: before every event.
NEVER = np.iinfo(np.int64).min


class ReadBatch(ScalarFunction):  # type: ignore[misc]
    """(message, timestamp, rowtime, watermark, partition, offset) -> loads of the batch."""

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
        """Answer a series of bytes, as long as the batch: a pane holds a record, so there is a row for every load."""
        columns = message, timestamp, rowtime, watermark, partition, offset
        gc.disable()  # what is made of a batch dies with it: looking for cycles in it would cost a fifth of the reading
        try:
            loads = loads_of(self._reader.parts(arrivals_of(columns, self._header, self._pipeline.windows.pane)))
        finally:
            gc.enable()
        answer = np.full(len(message), None, object)
        answer[: len(loads)] = loads
        return pd.Series(answer)


def arrivals_of(columns: tuple[Any, Any, Any, Any, Any, Any], header: int, pane: int) -> Arrivals:
    """Turn the columns that Flink gives (see `ReadBatch`) into those of a batch; `header`: bytes before a message."""
    message, timestamp, rowtime, watermark, partition, offset = columns
    times, values = _milliseconds(timestamp), message.tolist()
    if header:
        values = [None if value is None else value[header:] for value in values]
    return Arrivals(
        values,
        times,
        partition.to_numpy(np.int64),
        offset.to_numpy(np.int64),
        late=times // pane * pane + pane - 1 <= _milliseconds(watermark),
        ahead=_milliseconds(rowtime) != times,
    )


def _milliseconds(times: Any) -> Array:
    """Epoch ms of a series of timestamps. `.values`, not `to_numpy`: that makes an object of each (6 us)."""
    values = times.values.astype("datetime64[ms]")
    whole = values.astype(np.int64)
    return np.where(np.isnat(values), NEVER, whole)
