"""Prediction with a deployed model, without TensorFlow: raw rows in, labels or values out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from trimtab import progress
from trimtab.batch import INPUT, OUTPUT
from trimtab.data.dataset.dataset import model_input
from trimtab.data.encoders.serving import Preprocessor, name_of
from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import DatasetSchema
from trimtab.data.values.notation import UnreadCells
from trimtab.deploy import inputs
from trimtab.deploy.answers import NO_NUMBER, answers, row_without_number, schema_of
from trimtab.deploy.repository import Repository
from trimtab.deploy.runtime import other_version, runtime_of
from trimtab.errors import DataError
from trimtab.storage.copies import local_copies


def predict(target: str, input_path: str, version: int | None = None) -> Iterator[dict[str, Any]]:
    """Yields one prediction a row, in the order of the input.

    Args:
        target: The URI of the model repository.
        input_path: What to predict on, see ``inputs.batches``.
        version: A version; None serves the champion.

    Yields:
        ``label`` and ``probabilities`` by class, or ``value`` in the label's unit; and ``path`` for files.

    Raises:
        DeployError: If there is no such version, or no champion.
        ArtifactError: If a file of the version is damaged.
        DataError: If the input cannot be read, or lacks a column.
    """
    repository = Repository(target)
    number = repository.resolve(version)
    with repository.fetched(number) as found, local_copies() as copies:
        schema = schema_of(found, repository.location(number))
        preprocessor, model = Preprocessor.load(schema), runtime_of(found).load(found.path)
        if other := other_version(found):
            progress.say("predict", f"warning: {other}")
        seen, unread = 0, UnreadCells()
        for batch in inputs.batches(copies.local(input_path), schema):
            x = _encoded(preprocessor, batch, input_path, seen, unread)
            paths = batch.column("path").to_pylist() if _is_media(schema, batch) else [None] * len(x)
            outputs = model.predict({INPUT: model_input(schema, x)})[OUTPUT]
            if (bad := row_without_number(outputs)) is not None:
                raise _unreadable(batch, bad, NO_NUMBER, input_path, seen)
            for path, row in zip(paths, answers(schema, outputs), strict=True):
                yield row if path is None else {"path": copies.original(path), **row}
            seen += batch.num_rows
        for text in unread.told():
            progress.say("predict", f"warning: {input_path}: {text}")


def _encoded(
    preprocessor: Preprocessor, batch: pa.RecordBatch, source: str, seen: int, unread: UnreadCells
) -> NDArray[Any]:
    """Returns the stored tensors of a batch; problems name the file, and the column or the row."""
    try:
        encoded = preprocessor.encode(batch)
    except DataError as error:
        raise DataError(error.message, path=source, field=error.field, hint=error.hint) from error
    for row, reason in encoded.bad.items():
        raise _unreadable(batch, row, reason, source, seen)
    unread.add(encoded.unread)
    return encoded.x


def _unreadable(batch: pa.RecordBatch, row: int, reason: str, source: str, seen: int) -> DataError:
    return DataError(reason, path=source, field=name_of(batch, row) or f"row {seen + row + 1}")


def _is_media(schema: DatasetSchema, batch: pa.RecordBatch) -> bool:
    return input_kind(schema.input.kind).files is not None and "path" in batch.schema.names
