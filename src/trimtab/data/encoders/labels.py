"""Labels as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.values import values
from trimtab.data.values.notation import PLAIN
from trimtab.tasks.masks import COLUMN
from trimtab.tasks.of_labels import meant

if TYPE_CHECKING:
    from trimtab.data.schema import DatasetSchema

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Labels:
    """See ``tasks.base.LabelValues``."""

    batch: pa.RecordBatch
    schema: DatasetSchema

    @cached_property
    def texts(self) -> pa.StringArray:
        return values.texts(self._column)

    @cached_property
    def numbers(self) -> pa.DoubleArray:
        return values.numbers(self._column)

    def of(self, label: str) -> _Labels:
        return _Labels(self.batch, self.schema.parts[label])

    @cached_property
    def masks(self) -> pa.BinaryArray:
        has_masks = COLUMN in self.batch.schema.names
        return self.batch.column(COLUMN) if has_masks else pa.nulls(self.batch.num_rows, pa.binary())

    @cached_property
    def _column(self) -> pa.Array:
        column = self.batch.column(self.schema.label)
        is_numeric = meant(self.schema).meaning.is_numeric
        return (self.schema.label_notation or PLAIN).read(column) if is_numeric else column


def encode_labels(batch: pa.RecordBatch, schema: DatasetSchema) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Returns labels as the model learns them, and which rows have one.

    Args:
        batch: Rows as a reader gives them.
        schema: The dataset's schema.

    Returns:
        ``(y (n, …), usable (n,))``, as the task's ``meaning.encode`` does.
    """
    return meant(schema).meaning.encode(_Labels(batch, schema), schema)
