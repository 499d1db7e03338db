"""Zip archives of class folders: opened once a process, checked before anything in them is read."""

from __future__ import annotations

import os
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

from trimtab.config.data_limits import DataLimits, named
from trimtab.errors import DataError

# Photographs and sound are compressed already: of nothing real so large comes so many times what is stored.
_SMALL_BYTES = 16 << 20
_ENCRYPTED = 0x1


def open_archive(path: Path) -> zipfile.ZipFile:
    """Returns the archive, opened once a process: reading the directory of a large one takes a second.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        return _opened(path, path.stat().st_mtime_ns, os.getpid())
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise DataError(f"the archive cannot be read: {error}", path=str(path)) from error


@lru_cache(maxsize=2)
def _opened(path: Path, changed_ns: int, process: int) -> zipfile.ZipFile:
    """The key holds the process, since a forked one would share the position in the open file."""
    del changed_ns, process
    return zipfile.ZipFile(path)


def check_member(member: zipfile.ZipInfo, path: Path, limits: DataLimits) -> None:
    """Refuses names that lead out of the archive, encryption, and files that unpack to far too much.

    Nothing is ever unpacked to the disk; a name that tries to leave is refused because its archive is no
    honest one.

    Raises:
        DataError: It names the file.
    """
    name, where = member.filename, f"{path}/{member.filename}"
    if name.startswith("/") or "\\" in name or (".." in name and ".." in name.split("/")):
        raise DataError("the archive holds a name that leads out of it", path=where)
    if member.flag_bits & _ENCRYPTED:
        raise DataError("the archive is encrypted", path=where, hint="Give an archive without a password.")
    ratio = member.file_size / max(member.compress_size, 1)
    expands = member.file_size > _SMALL_BYTES and ratio > limits.expansion
    if expands or member.file_size > limits.file_mb << 20:
        raise DataError(
            f"the archive holds a file that unpacks to {member.file_size:,} bytes ({ratio:.0f} to 1)",
            path=where,
            field=named("expansion" if expands else "file_mb"),
            hint="Raise it if you trust the archive, or leave the file out.",
        )


def read_member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """Returns the content of a file, or None when it is damaged, or unpacks to more than it says."""
    try:
        # No more than that: `read` without a size unpacks all there is, and compares afterwards.
        with archive.open(name) as stream:
            return stream.read(archive.getinfo(name).file_size)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, zlib.error):
        return None
