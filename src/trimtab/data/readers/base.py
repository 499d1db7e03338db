"""The interface of a reader: a source becomes partitions, a partition becomes Arrow batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.config.data import Data


@dataclass(frozen=True)
class Partition:
    """A slice of a source that one worker reads alone; small, and safe to send to another process.

    Attributes:
        source: The file, directory or URI that the slice is of; of a glob or several files, one of them.
        index: Its place among the source's partitions.
        start: Where the slice starts, in units of the reader: bytes, row groups, rows or files.
        stop: Where it ends.
        wide: Whether work on it is shared by threads, as it has very many columns.
    """

    source: str
    index: int
    start: int
    stop: int
    wide: bool = False


class Reader(Protocol):
    """Reads one format."""

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """Returns the slices of a source; they depend on the source alone, never on the number of workers.

        Raises:
            DataError: If the source is missing, empty or not of this format.
        """

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a partition, in order, as batches of at most a few thousand rows.

        Folder formats give the columns ``image`` or ``audio`` (binary: the encoded file), ``label`` (string)
        and ``path`` (string). All other formats give the source's own columns.

        Raises:
            DataError: If the source cannot be read; it names the file and, where there is one, the line.
        """


@dataclass(frozen=True)
class Format:
    """A format as the registry finds it: ``FORMAT`` of its reader's module.

    Attributes:
        reader: Makes the reader.
        endings: Those of files that are each a source, such as ``.csv``.
        member_endings: Those of files in class folders, or in a .zip of them, such as ``.png``.
    """

    reader: Callable[[], Reader]
    endings: tuple[str, ...] = ()
    member_endings: tuple[str, ...] = ()
