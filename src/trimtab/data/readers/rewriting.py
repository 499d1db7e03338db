"""Readers that read as another one does, and change what comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.readers.base import Partition, Reader


class Rewriting(ABC):
    """A reader around another one.

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
            yield from self.rewritten(batch, config, partition.source)

    @abstractmethod
    def rewritten(self, batch: pa.RecordBatch, config: Data, source: str) -> Iterator[pa.RecordBatch]:
        """Yields what becomes of rows of a source, in their order."""
