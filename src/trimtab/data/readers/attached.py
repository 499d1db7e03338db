"""Columns of paths as the contents of the files: rows of a table that name images or clips."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.data.readers.files import read_file
from trimtab.data.readers.label import check_known
from trimtab.data.readers.rewriting import Rewriting
from trimtab.data.values.values import plain
from trimtab.home import expanded

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.config.data_limits import DataLimits

_ROWS = 64


class AttachedFiles(Rewriting):
    """Reads as another reader does, with the files that ``data.inputs`` speaks of."""

    def rewritten(self, batch: pa.RecordBatch, config: Data, source: str) -> Iterator[pa.RecordBatch]:
        """See ``Rewriting``; a file that cannot be read is a missing value."""
        for name, given in config.inputs.items():
            if given.files is not None:
                check_known(given.files, batch.schema.names, f"data.inputs.{name}.files", config)
        yield from with_files(batch, config.input_files, source, config.limits)


def with_files(
    batch: pa.RecordBatch, columns: Collection[str], table: str, limits: DataLimits
) -> Iterator[pa.RecordBatch]:
    """Yields rows, a few at a time, in which columns of paths hold what is in the files.

    Args:
        batch: Rows as a reader gives them.
        columns: Those of paths; one that holds contents already stays as it is.
        table: The table's file, or its directory, which paths are relative to.
        limits: How large a file may be.
    """
    named = [name for name in columns if _holds_paths(batch, name)]
    for at in range(0, batch.num_rows, _ROWS if named else max(1, batch.num_rows)):
        rows = batch.slice(at, _ROWS) if named else batch
        for name in named:
            files, names = paths(rows, name, table), plain(rows.column(name)).to_pylist()
            contents = [read_file(files[each], limits) if each in files else None for each in names]
            rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(contents, pa.binary()))
        yield rows


def paths(batch: pa.RecordBatch, column: str, table: str) -> dict[str, Path]:
    """Returns the files that a column of rows names, by what it calls them; none outside of its folder.

    Whoever gives a table may not be one who may read what else is on this machine.

    Args:
        batch: Rows as a reader gives them.
        column: Of paths; one of contents names none.
        table: The table's file, or its directory, which paths are relative to.
    """
    folder = expanded(table)
    folder = folder if folder.is_dir() else folder.parent
    names = (
        plain(batch.column(column)).drop_null() if _holds_paths(batch, column) else pa.array([], pa.string())
    )
    return {name: folder / name for name in names.unique().to_pylist() if _is_inside(name)}


def _holds_paths(batch: pa.RecordBatch, name: str) -> bool:
    return name in batch.schema.names and pa.types.is_string(plain(batch.column(name)).type)


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and os.path.normpath(name).split("/")[0] != ".."
