"""Writes that a reader sees whole or not at all, even when the writer is killed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PART = ".part"


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file by renaming a finished temporary one over it.

    Args:
        path: The file to create or replace; its directory is created when missing.
        data: The whole content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


@contextlib.contextmanager
def new_directory(path: Path, *, replaces: bool = True) -> Iterator[Path]:
    """Yields an empty directory that becomes ``path`` when the block ends without an error.

    Args:
        path: The directory to create.
        replaces: Whether a directory that is already at ``path`` is replaced, as by a retried step; else the
            first one stays, whoever wrote it, and this one is removed.

    Yields:
        The temporary directory to fill, on the same file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent))
    try:
        yield part
        part.chmod(0o755)
        sync_files(part)
        if replaces and path.exists():
            shutil.rmtree(path)
        _rename(part, path, replaces=replaces)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_directory(path.parent)


def _rename(part: Path, path: Path, *, replaces: bool) -> None:
    try:
        part.replace(path)
    except OSError as error:
        # No POSIX file system renames a directory onto one that holds files.
        if replaces or error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        shutil.rmtree(part)


def sync_files(directory: Path) -> None:
    """Lets the content of every file of a directory reach the disk."""
    for file in directory.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())


def sync_directory(directory: Path) -> None:
    """Makes a rename durable: the directory entry itself reaches the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(directory: Path, pattern: str, least_age_s: float) -> None:
    """Removes what writers that were killed have left unfinished.

    Args:
        directory: Where to look.
        pattern: Which places in it to look at, as ``**`` or ``*``.
        least_age_s: How long nothing of it was written: what a writer is at work on is younger. 0: nobody is.
    """
    for part in list(directory.glob(f"{pattern}/.*{PART}")):
        with contextlib.suppress(OSError):  # another user's, or gone
            if time.time() - _last_written(part) < least_age_s:
                continue
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink()


def _last_written(part: Path) -> float:
    return max(file.lstat().st_mtime for file in (part, *part.rglob("*")))
