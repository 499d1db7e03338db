"""A class a folder: the encoded files of a directory or a .zip, labelled by the folder they are in."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.data.readers.base import Partition
from trimtab.errors import DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data

FILES_PER_PARTITION = 4096
_BATCH_FILES = 512
_BATCH_BYTES = 16 << 20
_MAX_FILE_BYTES = 256 << 20
# Photographs and sound are compressed already: nothing real in a .zip of them comes near these together.
_BOMB_RATIO, _BOMB_BYTES = 200, 16 << 20
_SPLIT_NAMES = frozenset(["train", "training", "test", "testing", "val", "valid", "validation", "dev"])


class FolderReader:
    """Reads files of a directory or a .zip; the first folder below the common root is the label.

    A folder around everything is passed over, as are hidden files, ``__MACOSX`` and files with other endings.
    A file that cannot be read gives a row with a null, so that it is counted and named, not lost.

    Args:
        column: Name of the column that holds the encoded file, ``image`` or ``audio``.
        endings: Lower-case endings that are read.
    """

    def __init__(self, column: str, endings: tuple[str, ...]) -> None:
        self._column = column
        self._endings = endings

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """See ``Reader``; units are files in sorted order."""
        count = len(self._files(source))
        starts = range(0, count, FILES_PER_PARTITION)
        return [
            Partition(source, index, start, min(start + FILES_PER_PARTITION, count))
            for index, start in enumerate(starts)
        ]

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``: columns ``image`` or ``audio`` (binary), ``label`` and ``path`` (strings)."""
        files = self._files(partition.source)[partition.start : partition.stop]
        rows: list[tuple[bytes | None, str, str]] = []
        size = 0
        for name, label, content in _contents(partition.source, files):
            rows.append((content, label, name))
            size += len(content or b"")
            if len(rows) >= _BATCH_FILES or size >= _BATCH_BYTES:
                yield self._batch(rows)
                rows, size = [], 0
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[tuple[bytes | None, str, str]]) -> pa.RecordBatch:
        contents, labels, names = zip(*rows, strict=True)
        arrays = [pa.array(contents, pa.binary()), pa.array(labels, pa.string()), pa.array(names, pa.string())]
        return pa.RecordBatch.from_arrays(arrays, names=[self._column, "label", "path"])

    def _files(self, source: str) -> tuple[tuple[str, str], ...]:
        """Returns (name below the source, label) of every file, sorted by name."""
        path = Path(source).expanduser()
        if not path.exists():
            raise DataError(
                "there is no such file or directory",
                path=source,
                hint="Paths are relative to the directory the command runs in.",
            )
        return _listing(source, self._endings, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _listing(source: str, endings: tuple[str, ...], changed_ns: int) -> tuple[tuple[str, str], ...]:
    """Lists a source once per process; ``changed_ns`` makes a rewritten archive another key."""
    del changed_ns
    path = Path(source).expanduser()
    names = _zip_names(path, endings) if path.is_file() else _directory_names(path, endings)
    if not names:
        raise DataError(f"expected folders of files ending in {', '.join(endings)}, found none", path=source)
    parents = [PurePosixPath(name).parent for name in names]
    if len(set(parents)) == 1:
        if parents[0] == PurePosixPath():
            raise DataError("expected a folder for each class, found files without one", path=source)
        return tuple((name, parents[0].name) for name in names)
    depth = len(PurePosixPath(os.path.commonpath([f"/{parent}" for parent in parents])).parts) - 1
    for name, parent in zip(names, parents, strict=True):
        if len(parent.parts) <= depth:
            raise DataError(
                "expected a folder for each class, found a file without one", path=f"{source}/{name}"
            )
    labels = [parent.parts[depth] for parent in parents]
    if {label.lower() for label in labels} <= _SPLIT_NAMES:
        raise DataError(
            f"the folders {', '.join(sorted(set(labels)))} are splits, not classes",
            path=source,
            hint="Name each of them in data.train, data.validation and data.test.",
        )
    return tuple(zip(names, labels, strict=True))


def _wanted(name: str, endings: tuple[str, ...]) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts
    return not hidden and name.lower().endswith(endings)


def _directory_names(root: Path, endings: tuple[str, ...]) -> list[str]:
    found = []
    for folder, _, files in os.walk(root, followlinks=True):
        below = Path(folder).relative_to(root).as_posix()
        names = files if below == "." else [f"{below}/{file}" for file in files]
        found += [name for name in names if _wanted(name, endings)]
    return sorted(found)


def _zip_names(path: Path, endings: tuple[str, ...]) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"the archive cannot be read: {error}", path=str(path)) from error
    wanted = [member for member in members if _wanted(member.filename, endings)]
    for member in wanted:
        _check_member(member, path)
    return sorted({member.filename for member in wanted})


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    where = f"{path}/{member.filename}"
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
        raise DataError("the archive holds a name that leads out of it", path=where)
    if member.flag_bits & 0x1:
        raise DataError("the archive is encrypted", path=where, hint="Give an archive without a password.")
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > _MAX_FILE_BYTES or (member.file_size > _BOMB_BYTES and ratio > _BOMB_RATIO):
        raise DataError(
            f"the archive holds a file that unpacks to {member.file_size:,} bytes ({ratio:.0f} to 1)",
            path=where,
            hint=f"Files up to {_MAX_FILE_BYTES:,} bytes are read.",
        )


def _contents(source: str, files: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str, bytes | None]]:
    path = Path(source).expanduser()
    if path.is_dir():
        for name, label in files:
            try:
                fits = (path / name).stat().st_size <= _MAX_FILE_BYTES
                content = (path / name).read_bytes() if fits else None
            except OSError:
                content = None
            yield name, label, content
        return
    with zipfile.ZipFile(path) as archive:
        for name, label in files:
            try:
                content = archive.read(name)
            except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, zlib.error):
                content = None
            yield name, label, content
