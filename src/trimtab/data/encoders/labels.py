"""Labels as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.values import numbers, texts

if TYPE_CHECKING:
    from trimtab.data.schema import DatasetSchema

Array = npt.NDArray[Any]


def encode_labels(column: pa.Array, schema: DatasetSchema) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Returns labels as the model learns them, and which rows have one.

    Args:
        column: The label's column as a reader gives it.
        schema: The dataset's schema.

    Returns:
        ``(y (n,), usable (n,))``: y is the int64 index of the class, or the float32 standardized value; 0
        where the label is missing, not a number, or not among the classes.
    """
    if schema.task == "classification":
        found = pc.index_in(texts(column), pa.array(schema.classes, pa.string()))
        y = pc.fill_null(found, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    else:
        found = numbers(column)
        values = pc.fill_null(found, schema.label_mean).to_numpy(zero_copy_only=False)
        y = ((values - schema.label_mean) / schema.label_std).astype(np.float32)
    return y, pc.is_valid(found).to_numpy(zero_copy_only=False)
