"""A model's files in a directory."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from trimtab.errors import ModelError
from trimtab.runtimes.base import Runtime


def paths(runtime: Runtime, directory: Path) -> list[Path]:
    """Returns the files of a model."""
    return [directory / name for name in runtime.files]


def size_bytes(runtime: Runtime, directory: Path) -> int:
    """Returns the bytes of all files of a model."""
    return sum(path.stat().st_size for path in paths(runtime, directory))


def gzip_bytes(runtime: Runtime, directory: Path) -> int:
    """Returns the bytes of all files of a model after gzip at level 9."""
    return sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in paths(runtime, directory))


def copy(runtime: Runtime, source: Path, target: Path) -> None:
    """Copies the files of a model into a directory."""
    for path in paths(runtime, source):
        shutil.copyfile(path, target / path.name)


def read(path: Path) -> bytes:
    """Returns the content of a model's file.

    Raises:
        ModelError: If it cannot be read, or is empty.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if not content:
        raise ModelError("the file is empty", path=str(path))
    return content
