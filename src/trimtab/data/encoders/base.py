"""The interface of an encoder: rows as a reader gives them become stored tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.schema import TensorSpec

Array = npt.NDArray[Any]


@dataclass
class Encoded:
    """Stored tensors, and the rows that could not be read.

    Attributes:
        x: The tensors, ``(rows, *shape)``; zeros for the rows in ``bad``.
        bad: What is wrong, by row.
    """

    x: Array
    bad: dict[int, str] = field(default_factory=dict)


class Encoder(Protocol):
    """Turns raw rows into the one input tensor; fitted on the training split, the same ever after."""

    spec: TensorSpec

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Returns the tensors of some rows; columns that are not input are ignored."""


def encode_files(column: pa.Array, spec: TensorSpec, decode: Callable[[bytes], Array]) -> Encoded:
    """Returns the tensors of a column of encoded files.

    Args:
        column: Binary values.
        spec: The tensors.
        decode: Returns the tensor of one file, or raises ValueError.
    """
    encoded = Encoded(np.zeros((len(column), *spec.shape), spec.stored_dtype))
    for row, scalar in enumerate(column):
        content = scalar.as_py()
        try:
            if content is None:
                raise ValueError("the file is missing or cannot be read")
            encoded.x[row] = decode(content)
        except ValueError as error:
            encoded.bad[row] = str(error)
    return encoded
