"""Rows that are not normal are not trained on, where the config says which label is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.prepare.split import LEFT_OUT, TEST, TRAIN, Sides
from trimtab.data.readers.label import label_column, normal_label
from trimtab.data.values.values import texts

if TYPE_CHECKING:
    from trimtab.config.data import Data


def without_anomalies(sides: Sides, batch: pa.RecordBatch, config: Data) -> Sides:
    """Returns the split of every row, with none but normal rows in training.

    Others are tested: no model has seen them, and few as they are, each one counts. Where the test split is
    given, or is the last rows in time, they are left out.

    Args:
        sides: The split of every row by its content.
        batch: The rows.
        config: The config's data section.
    """
    normal = normal_label(config)
    if normal is None:
        return sides
    labels = texts(batch.column(label_column(batch.schema.names, config)))
    other = pc.fill_null(pc.not_equal(labels, normal), False).to_numpy(zero_copy_only=False)
    side = TEST if config.test is None and config.split.by == "content" else LEFT_OUT
    return np.where(other & (sides == TRAIN), np.int8(side), sides)
