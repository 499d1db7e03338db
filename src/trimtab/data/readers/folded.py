"""Labels whose names differ in case and blanks only, as one: see ``data.label_spelling``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.data.readers.label import label_column
from trimtab.data.values import values

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.readers.base import Partition, Reader


class FoldedLabels:
    """Reads as another reader does, with labels of text folded.

    Args:
        reader: Reads the source.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """See ``Reader``."""
        return self._reader.partitions(source, config)

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``."""
        for batch in self._reader.read(partition, config):
            label = label_column(batch.schema.names, config)
            column = values.plain(batch.column(label))
            if not pa.types.is_string(column.type):
                yield batch
                continue
            encoded = column.dictionary_encode()
            names = [values.folded(name) for name in encoded.dictionary.to_pylist()]
            texts = pa.array(names, pa.string()).take(encoded.indices)
            yield batch.set_column(batch.schema.get_field_index(label), label, texts)
