"""Raw rows to predict on: tables without a label column, or single files, folders and archives of media."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from trimtab.config.data import Data
from trimtab.config.data_limits import DEFAULT
from trimtab.data.kinds.registry import holds_files, input_kind
from trimtab.data.readers.archives import check_member, open_archive, read_member
from trimtab.data.readers.attached import with_files
from trimtab.data.readers.files import files_of, read_file, walk
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import DatasetSchema
from trimtab.errors import DataError
from trimtab.home import expanded

_TABLE_ENDINGS = (".csv", ".tsv", ".parquet", ".pq", ".npz")
_FILES_PER_BATCH = 64


def batches(source: str, schema: DatasetSchema) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a source, in order, with the columns that the model was trained on.

    Args:
        source: A csv, parquet or npz file (or a glob or directory of them); for images and sound also one
            file, a glob, a directory or a .zip, in which folders mean nothing. Files come in the order of
            their paths.
        schema: The schema of the deployed model.

    Raises:
        DataError: If there is nothing to read, or if it cannot be read.
    """
    files = input_kind(schema.input.kind).files
    if files and not source.lower().endswith(_TABLE_ENDINGS):
        yield from _media(source, files.endings, schema.columns[0].name)
        return
    config = Data(train=source, label=schema.label)
    reader = reader_for(source, config)
    columns = [column.name for column in schema.columns if holds_files(column.kind)]
    for partition in reader.partitions(source, config):
        for batch in reader.read(partition, config):
            yield from with_files(batch, columns, partition.source, config.limits)


def _media(source: str, endings: tuple[str, ...], column: str) -> Iterator[pa.RecordBatch]:
    files = _files(expanded(source), endings)
    while rows := list(islice(files, _FILES_PER_BATCH)):
        names, contents = zip(*rows, strict=True)
        arrays = [pa.array(contents, pa.binary()), pa.array(names, pa.string())]
        yield pa.RecordBatch.from_arrays(arrays, names=[column, "path"])


def _files(path: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    """Yields (path, content) of one file, or of all with these endings in a glob, a directory or a .zip."""
    has_files = False
    for name, content in _archived(path, endings) if path.suffix.lower() == ".zip" else _plain(path, endings):
        has_files = True
        yield name, content
    if not has_files:
        raise DataError(f"expected files ending in {', '.join(endings)}, found none", path=str(path))


def _plain(path: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    for file in _below(path) if path.is_dir() else files_of(str(path), endings):
        hidden = file.name.startswith(".")
        if file.name.lower().endswith(endings) and not hidden:
            yield str(file), read_file(file, DEFAULT)


def _below(directory: Path) -> list[Path]:
    return sorted(folder / name for folder, names in walk(directory) for name in names)


def _archived(path: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    archive = open_archive(path)
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        hidden = member.filename.startswith("__MACOSX/") or Path(member.filename).name.startswith(".")
        if member.filename.lower().endswith(endings) and not hidden:
            check_member(member, path, DEFAULT)
            yield member.filename, read_member(archive, member.filename)
