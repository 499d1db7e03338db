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
from trimtab.tasks.registry import task

if TYPE_CHECKING:
    from trimtab.data.schema import DatasetSchema

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Labels:
    """See ``tasks.base.LabelValues``."""

    column: pa.Array

    @cached_property
    def texts(self) -> pa.StringArray:
        return values.texts(self.column)

    @cached_property
    def numbers(self) -> pa.DoubleArray:
        return values.numbers(self.column)


def encode_labels(column: pa.Array, schema: DatasetSchema) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Returns labels as the model learns them, and which rows have one.

    Args:
        column: The label's column as a reader gives it.
        schema: The dataset's schema.

    Returns:
        ``(y (n,), usable (n,))``, as the task's ``meaning.encode`` does.
    """
    meaning = task(schema.task).meaning
    if meaning.is_numeric:
        column = (schema.label_notation or PLAIN).read(column)
    return meaning.encode(_Labels(column), schema)
