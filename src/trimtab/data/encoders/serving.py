"""Preprocessing, applied: the same code and settings make the shards and serve."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.kinds.base import Encoded, Encoder
from trimtab.data.kinds.registry import holds_files, input_kind
from trimtab.data.schema import Column, DatasetSchema
from trimtab.data.values.notation import PLAIN, Notation, as_read, is_to_read, unread
from trimtab.errors import DataError


def encoder_of(preprocessing: dict[str, Any]) -> Encoder:
    """Returns the encoder of fitted settings, ``DatasetSchema.preprocessing``."""
    return input_kind(preprocessing["kind"]).encoder(preprocessing)


class Preprocessor:
    """Turns raw rows into stored tensors, as the training rows were.

    Args:
        columns: The input columns.
        encoder: The fitted encoder.
    """

    def __init__(self, columns: list[Column], encoder: Encoder) -> None:
        self._columns = columns
        self._encoder = encoder
        self._notations: dict[str, Notation] = {
            column.name: column.notation or PLAIN
            for column in columns
            if column.kind in ("numeric", "datetime")
        }

    @classmethod
    def load(cls, schema: DatasetSchema) -> Self:
        """Returns the preprocessor of a dataset or of a deployed model."""
        return cls(schema.columns, encoder_of(schema.preprocessing))

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Returns the tensors of some rows and the rows that could not be read.

        Args:
            batch: Rows as a reader gives them; columns that are not input are ignored.

        Raises:
            DataError: If an input column is missing, or not of its kind.
        """
        kinds = {field.name: field.type for field in batch.schema}
        for column in self._columns:
            if column.name not in kinds:
                raise DataError(
                    "there is no such input column",
                    field=column.name,
                    hint=f"Columns: {', '.join(batch.schema.names)}.",
                )
            kind = kinds[column.name]
            encoded = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
            fits = encoded == holds_files(column.kind) and not pa.types.is_nested(kind)
            if not fits and not pa.types.is_null(kind):
                raise DataError(f"expected {column.kind} values, found {kind}", field=column.name)
        read = as_read(batch, self._notations)
        encoded = self._encoder.encode(read)
        written = [name for name, each in self._notations.items() if is_to_read(kinds[name], each)]
        unread_cells = (unread(name, batch, read) for name in written)
        encoded.unread = [*(cells for cells in unread_cells if cells is not None), *encoded.unread]
        return encoded

    def transform(self, batch: pa.RecordBatch) -> npt.NDArray[Any]:
        """Returns the stored tensors of some rows, ``(n, *shape)``.

        Args:
            batch: Rows as a reader gives them; columns that are not input are ignored.

        Raises:
            DataError: If an input column is missing, or if a row cannot be read; it names the first one.
        """
        encoded = self.encode(batch)
        for row, reason in encoded.bad.items():
            raise DataError(reason, path=name_of(batch, row) or f"row {row + 1}")
        return np.ascontiguousarray(encoded.x)


def name_of(batch: pa.RecordBatch, row: int) -> str | None:
    """Returns the name of the file that a row is, if it is one.

    Args:
        batch: Rows as a reader gives them.
        row: A row of the batch.
    """
    return str(batch.column("path")[row].as_py()) if has_paths(batch) else None


def has_paths(batch: pa.RecordBatch) -> bool:
    """Returns whether rows are files by name, as the readers of folders give them.

    Args:
        batch: Rows as a reader gives them.
    """
    return "path" in batch.schema.names and not pa.types.is_binary(batch.schema.field("path").type)
