"""What the sources are, file by file: tells new files from old ones without parsing any."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.data.prepare import split
from trimtab.data.readers.attached import paths
from trimtab.data.readers.files import is_data, is_left_out, walk
from trimtab.data.readers.registry import reader_for
from trimtab.data.readers.remote import refuse_remote
from trimtab.data.readers.sklearn import SCHEME
from trimtab.errors import DataError
from trimtab.home import expanded
from trimtab.storage import files
from trimtab.storage.objects.base import checksum
from trimtab.storage.objects.location import Location, is_remote
from trimtab.storage.parallel import in_parallel

if TYPE_CHECKING:
    from trimtab.config.data import Data

_MAGIC = re.compile(r"[*?\[]")


def checksums(config: Data) -> dict[str, dict[str, str]]:
    """Returns the CRC-32C of every source file, as Cloud Storage writes it: ``{split: {name: CRC}}``.

    Names are relative to the source, so that a copy elsewhere has the same ones. Objects in a store are
    listed, not read: S3 lists no CRC-32C, and the ETag stands for it. ``sklearn://`` has no files; an archive
    is one.

    Args:
        config: The config's data section.

    Raises:
        DataError: If nothing is at a source, or a file cannot be read.
        ConfigError: If a bucket cannot be accessed.
        StorageError: If it cannot be reached.
    """
    sources = split.sources(config)
    return {name: {**checksums_of(source), **_attached(source, config)} for name, source in sources.items()}


def checksums_of(source: str) -> dict[str, str]:
    """Returns the CRC-32C of every file of one source; see ``checksums``."""
    if source.startswith(SCHEME):
        return {}
    if is_remote(source):
        whole = Location.parse(source).uri
        crcs = files.fingerprint(source)
        if _MAGIC.search(whole):
            crcs = {name: value for name, value in crcs.items() if not is_left_out(name)}
    else:
        whole = str(expanded(source))
        names = _local(whole)
        crcs = dict(zip(names, in_parallel(_checksum, names), strict=True))
    return dict(sorted((_relative(name, whole), value) for name, value in crcs.items()))


def _attached(source: str, config: Data) -> dict[str, str]:
    """Returns the CRC-32C of the files that rows name, as they name them; what is not there has none."""
    if not config.file_columns:
        return {}
    refuse_remote(config)
    table = config.model_copy(update={"inputs": {}, "masks": None, "task": None})
    reader, named = reader_for(source, table), dict[str, str]()
    for partition in reader.partitions(source, table):
        for batch in reader.read(partition, table):
            for column in set(config.file_columns) & set(batch.schema.names):
                found = paths(batch, column, partition.source)
                named |= {name: str(path) for name, path in found.items() if path.is_file()}
    return dict(sorted(zip(named, in_parallel(_checksum, list(named.values())), strict=True)))


def _local(source: str) -> list[str]:
    """Returns the visible files of a source: itself, those below a directory, or a glob's matches."""
    path = Path(source)
    if path.is_file():
        return [source]
    if path.is_dir():
        paths = [
            f"{folder}/{file}"
            for folder, names in walk(path)
            for file in names
            if not any(part.startswith(".") for part in (folder / file).relative_to(path).parts)
        ]
    else:
        paths = [name for name in glob.glob(source, recursive=True) if is_data(Path(name))]  # noqa: PTH207 (as readers)
    if not paths:
        raise DataError("there is no such file or directory, or no file in it", path=source)
    return paths


def _checksum(file: str) -> str:
    if Path(file).exists() and not Path(file).is_file():
        raise DataError("expected a regular file: a pipe or a device has no end", path=file)
    try:
        with Path(file).open("rb") as stream:
            return checksum(stream)
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", path=file) from error


def _relative(name: str, source: str) -> str:
    if name == source:
        return name.rpartition("/")[2]
    root = f"{_MAGIC.split(source, maxsplit=1)[0].rpartition('/')[0]}/" if _MAGIC.search(source) else ""
    return name.removeprefix(root or f"{source.rstrip('/')}/")
