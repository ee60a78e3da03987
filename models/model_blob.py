"""Model outputs as one blob: what crosses from the reader of a batch to the pane that gathers it."""

from collections.abc import Sequence

import numpy as np

from models.model_columns import columns_of
from models.records import ModelOutput


def pack_model_outputs(records: Sequence[ModelOutput], times: Sequence[int], partitions: Sequence[int]) -> bytes:
    """Encode records, at least one, of one pane and bucket."""
    columns = columns_of(records, np.array(times, np.int64), np.array(partitions, np.int64))
    return columns.blob(0, len(records))
