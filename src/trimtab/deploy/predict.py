"""Prediction with a deployed model, without TensorFlow: raw rows in, labels or values out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab import progress
from trimtab.batch import INPUT, Batch, answered, fed, rows
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.encoders.serving import Preprocessor, has_paths, name_of
from trimtab.data.kinds.base import Encoded
from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import DatasetSchema
from trimtab.data.values.notation import UnreadCells
from trimtab.deploy import inputs
from trimtab.deploy.answers import NO_NUMBER, answers, schema_of
from trimtab.deploy.repository import Repository
from trimtab.deploy.runtime import loaded, other_version
from trimtab.errors import DataError
from trimtab.runtimes.base import LoadedModel
from trimtab.storage.copies import local_copies


def predict(target: str, input_path: str, version: int | None = None) -> Iterator[dict[str, Any]]:
    """Yields one prediction a row, in the order of the input.

    Args:
        target: The URI of the model repository.
        input_path: What to predict on, see ``inputs.batches``.
        version: A version; None serves the champion.

    Yields:
        ``label`` and ``probabilities`` by class, or ``value`` in the label's unit; and ``path`` for files. A
        row that cannot be read has ``error`` in their place, and its number as ``row`` if it is no file.

    Raises:
        DeployError: If there is no such version, or no champion.
        ArtifactError: If a file of the version is damaged.
        DataError: If the input cannot be read, or lacks a column, or if no row of it can be read.
    """
    repository = Repository(target)
    number = repository.resolve(version)
    with repository.fetched(number) as deployment, local_copies() as copies:
        schema = schema_of(deployment, repository.location(number))
        local = copies.local(input_path)
        serving = _Serving(schema, Preprocessor.load(schema), loaded(deployment), input_path, local)
        if other := other_version(deployment):
            progress.say("predict", f"warning: {other}")
        for batch in inputs.batches(local, schema):
            paths = batch.column("path").to_pylist() if _is_media(schema, batch) else [None] * batch.num_rows
            for path, row in zip(paths, serving.answers(batch), strict=True):
                yield row if path is None else {"path": copies.original(path), **row}
        serving.tell_unread()


class _Serving:
    """A deployed model, and what could not be read of the rows that it was asked.

    Args:
        schema: What its inputs and outputs mean.
        preprocessor: Turns raw rows into its inputs.
        model: Runs it.
        source: Where the rows are, for messages.
        local: Where they were copied to: what is read has this name where it is one file.
    """

    def __init__(
        self, schema: DatasetSchema, preprocessor: Preprocessor, model: LoadedModel, source: str, local: str
    ) -> None:
        self._schema, self._preprocessor, self._model = schema, preprocessor, model
        self._source, self._local = source, local
        self._seen, self._unread = 0, UnreadCells()
        self._bad = list[DataError]()

    def answers(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
        """Yields the answer to each row, or why there is none."""
        encoded = self._encoded(batch)
        self._unread.add(encoded.unread)
        bad = dict(encoded.bad)
        good = np.delete(np.arange(batch.num_rows), sorted(bad))
        x = model_inputs(self._schema, {INPUT: encoded.x[good]})
        outputs = self._outputs(x)
        numbers = np.isfinite(outputs).all(axis=1)
        bad |= dict.fromkeys(good[~numbers].tolist(), NO_NUMBER)
        answers_of_good = answers(
            self._schema, fed({name: each[numbers] for name, each in x.items()}), outputs[numbers]
        )
        for row in range(batch.num_rows):
            if row in bad:
                yield self._error(batch, row, bad[row])
            else:
                yield next(answers_of_good)
        self._seen += batch.num_rows

    def tell_unread(self) -> None:
        """Says what could not be read.

        Raises:
            DataError: If that is every row.
        """
        if self._bad and len(self._bad) == self._seen:
            raise self._bad[0]
        if self._bad:
            count = f"{len(self._bad):,} of {self._seen:,} rows cannot be read"
            progress.say("predict", f"warning: {self._source}: {count}; the first: {self._bad[0].message}")
        for text in self._unread.told():
            progress.say("predict", f"warning: {self._source}: {text}")

    def _encoded(self, batch: pa.RecordBatch) -> Encoded:
        """Returns the stored tensors of a batch; problems name the file and the column."""
        try:
            return self._preprocessor.encode(batch)
        except DataError as error:
            raise DataError(error.message, path=self._source, field=error.field, hint=error.hint) from error

    def _outputs(self, x: Batch) -> NDArray[Any]:
        if not rows(x):
            return np.empty((0, self._schema.outputs), np.float32)
        return np.asarray(answered(self._model.predict(x), self._schema.output_names))

    def _error(self, batch: pa.RecordBatch, row: int, reason: str) -> dict[str, Any]:
        name, number = name_of(batch, row), self._seen + row + 1
        place = None if name == self._local else name or f"row {number}"
        self._bad.append(DataError(reason, path=self._source, field=place))
        return {"error": reason} if name else {"row": number, "error": reason}


def _is_media(schema: DatasetSchema, batch: pa.RecordBatch) -> bool:
    return input_kind(schema.input.kind).files is not None and has_paths(batch)
