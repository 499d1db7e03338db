"""A class a folder: the encoded files of a directory or a .zip, labelled by the folder they are in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.data.readers.archives import check_member, open_archive, read_member
from trimtab.data.readers.base import Partition
from trimtab.data.readers.files import RELATIVE_TO, read_file, walk
from trimtab.errors import DataError
from trimtab.home import expanded

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.config.data_limits import DataLimits

FILES_PER_PARTITION = 2048
_BATCH_FILES = 512
_BATCH_BYTES = 16 << 20
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
        count = len(self._files(source, config.limits))
        starts = range(0, count, FILES_PER_PARTITION)
        return [
            Partition(source, index, start, min(start + FILES_PER_PARTITION, count))
            for index, start in enumerate(starts)
        ]

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``: columns ``image`` or ``audio`` (binary), ``label`` and ``path`` (strings)."""
        files = self._files(partition.source, config.limits)[partition.start : partition.stop]
        rows: list[tuple[bytes | None, str, str]] = []
        size = 0
        for content, label, name in _contents(expanded(partition.source), files, config.limits):
            rows.append((content, label, name))
            size += len(content or b"")
            if len(rows) >= _BATCH_FILES or size >= _BATCH_BYTES:
                yield self._batch(rows)
                rows, size = [], 0
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[tuple[bytes | None, str, str]]) -> pa.RecordBatch:
        contents, labels, names = zip(*rows, strict=True)
        arrays = [
            pa.array(contents, pa.binary()),
            pa.array(labels, pa.string()),
            pa.array(names, pa.string()),
        ]
        return pa.RecordBatch.from_arrays(arrays, names=[self._column, "label", "path"])

    def _files(self, source: str, limits: DataLimits) -> tuple[tuple[str, str], ...]:
        """Returns (name below the source, label) of every file, sorted by name."""
        path = expanded(source)
        if not path.exists():
            raise DataError(
                "there is no such file or directory",
                path=source,
                hint=RELATIVE_TO,
            )
        return _listing(source, self._endings, limits, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _listing(
    source: str, endings: tuple[str, ...], limits: DataLimits, changed_ns: int
) -> tuple[tuple[str, str], ...]:
    """Lists a source once a process; ``changed_ns`` makes a rewritten archive another key."""
    del changed_ns
    path = expanded(source)
    everything = _zip_names(path) if path.is_file() else _directory_names(path)
    names = sorted(name for name in everything if name.lower().endswith(endings))
    if not names:
        raise DataError(f"expected folders of files ending in {', '.join(endings)}, found none", path=source)
    if path.is_file():
        for name in names:
            check_member(open_archive(path).getinfo(name), path, limits)
    labels = _labels(names, source)
    _check_no_class_is_lost(everything, names, labels, source, endings)
    classes = set(labels)
    if {label.lower() for label in classes} <= _SPLIT_NAMES:
        raise DataError(
            f"the folders {', '.join(sorted(classes))} are splits, not classes",
            path=source,
            hint="Name each of them in data.train, data.validation and data.test.",
        )
    return tuple(zip(names, labels, strict=True))


def _labels(names: list[str], source: str) -> list[str]:
    """Returns the first folder of each name below the root that all of them share."""
    parents = [tuple(name.split("/")[:-1]) for name in names]
    different = set(parents)
    depth = len(os.path.commonprefix(list(different)))  # noqa: RUF071 (of tuples, it compares parts)
    if len(different) == 1:
        depth -= 1
    for name, parent in zip(names, parents, strict=True):
        if len(parent) <= depth or depth < 0:
            raise DataError(
                "expected a folder for each class, found a file without one", path=f"{source}/{name}"
            )
    return [parent[depth] for parent in parents]


def _check_no_class_is_lost(
    everything: list[str], names: list[str], labels: list[str], source: str, endings: tuple[str, ...]
) -> None:
    """Refuses a folder beside the classes' that has no file that is read: it would vanish without a word."""
    first, depth = names[0].split("/"), names[0].split("/").index(labels[0])
    known, lost = set(labels), dict[str, Counter[str]]()
    for name in everything:
        parts = name.split("/")
        if parts[:depth] == first[:depth] and len(parts) > depth + 1 and parts[depth] not in known:
            lost.setdefault(parts[depth], Counter())[Path(parts[-1]).suffix.lower() if parts[-1] else ""] += 1
    if not lost:
        return
    folder, counts = min(lost.items())
    kinds = ", ".join(f"{count} {ending}" for ending, count in counts.most_common() if ending)
    others = f"; so have {', '.join(sorted(lost)[1:])}" if len(lost) > 1 else ""
    heic = (
        " HEIC is read where the package pillow-heif is installed."
        if {".heic", ".heif"} & set(counts)
        else ""
    )
    raise DataError(
        f"has no file that is read, only {kinds or 'nothing'}{others}",
        path="/".join([source.rstrip("/"), *first[:depth], folder]),
        hint=f"Convert its files, or remove it. Endings that are read: {', '.join(endings)}.{heic}",
    )


def _is_visible(name: str) -> bool:
    """Returns whether a file counts; names that lead out of an archive do, so that they are refused aloud."""
    hidden = any(part.startswith(".") and part != ".." for part in name.split("/"))
    return not hidden and not name.startswith("__MACOSX/")


def _directory_names(root: Path) -> list[str]:
    """Returns the names of all files below a directory, and of its empty folders with a slash at the end."""
    all_names = []
    for folder, files in walk(root):
        below = folder.relative_to(root).as_posix()
        names = files if below == "." else [f"{below}/{file}" for file in files]
        all_names += [name for name in names or [f"{below}/"] if _is_visible(name)]
    return all_names


def _zip_names(path: Path) -> list[str]:
    return list({name for name in open_archive(path).namelist() if _is_visible(name)})


def _contents(
    path: Path, files: tuple[tuple[str, str], ...], limits: DataLimits
) -> Iterator[tuple[bytes | None, str, str]]:
    if path.is_file():
        archive = open_archive(path)
        for name, label in files:
            yield read_member(archive, name), label, name
        return
    for name, label in files:
        yield read_file(path / name, limits), label, name
