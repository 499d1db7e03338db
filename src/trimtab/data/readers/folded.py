"""Labels whose names differ in case and blanks only, as one: see ``data.label_spelling``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.data.readers.label import label_columns
from trimtab.data.readers.rewriting import Rewriting
from trimtab.data.values import values

if TYPE_CHECKING:
    from trimtab.config.data import Data


class FoldedLabels(Rewriting):
    """Reads as another reader does, with labels of text folded."""

    def rewritten(self, batch: pa.RecordBatch, config: Data, source: str) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See ``Rewriting``."""
        for label in label_columns(batch.schema.names, config):
            batch = _folded(batch, label)
        yield batch


def _folded(batch: pa.RecordBatch, label: str) -> pa.RecordBatch:
    column = values.plain(batch.column(label))
    if not pa.types.is_string(column.type):
        return batch
    encoded = column.dictionary_encode()
    names = [values.folded(name) for name in encoded.dictionary.to_pylist()]
    texts = pa.array(names, pa.string()).take(encoded.indices)
    return batch.set_column(batch.schema.get_field_index(label), label, texts)
