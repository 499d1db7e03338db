"""Which files a source means: one file, a glob, or all files of a directory."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.errors import DataError
from trimtab.home import expanded

if TYPE_CHECKING:
    from trimtab.config.data_limits import DataLimits

RELATIVE_TO = "Relative paths are relative to the config file, or else to the directory the command runs in."
_MOST_NESTED = 64


def files_of(source: str, endings: tuple[str, ...]) -> list[Path]:
    """Returns the files of a source in a fixed order.

    Args:
        source: A file, a glob, or a directory; of a directory, the files with one of the endings.
        endings: Lower-case endings with their dot.

    Raises:
        DataError: If nothing is there, or if it cannot be read.
    """
    path = expanded(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        _, names = next(walk(path))
        files = sorted(path / name for name in names if Path(name).suffix.lower() in endings)
        files = [file for file in files if is_data(file)]
        if not files:
            raise DataError(f"expected files ending in {', '.join(endings)} in this directory", path=source)
        return files
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 (keeps absolute globs)
    files = [match for match in matches if is_data(match)]
    if not files:
        kind = (
            "no file matches this pattern" if glob.has_magic(source) else "there is no such file or directory"
        )
        raise DataError(kind, path=source, hint=RELATIVE_TO)
    return files


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yields a directory and every one below it, through links, with the names of its files.

    A link to a directory that it is in leads nowhere new, and is passed over.

    Raises:
        DataError: If one cannot be read: else its rows, or a whole class, would be missing without a word. If
            directories are nested too deeply, or a name is no text.
    """

    def refuse(error: OSError) -> None:
        below = Path(error.filename).relative_to(root).parts
        # Not data: what is hidden, and what every new ext4 volume has.
        if not any(part.startswith(".") or part == "lost+found" for part in below):
            raise DataError(f"the directory cannot be read: {error.strerror}", path=error.filename) from error

    above = {str(root): [_identity(str(root))]}
    for folder, below, names in os.walk(root, followlinks=True, onerror=refuse):
        _check_names(folder, [*below, *names])
        ancestors = above.pop(folder)
        if len(ancestors) > _MOST_NESTED:
            raise DataError(f"directories are nested more than {_MOST_NESTED} deep", path=folder)
        identities = {name: _identity(f"{folder}/{name}") for name in below}
        below[:] = [name for name in below if identities[name] not in ancestors]
        above.update((os.path.join(folder, name), [*ancestors, identities[name]]) for name in below)  # noqa: PTH118
        yield Path(folder), names


def _identity(folder: str) -> tuple[int, int]:
    """Returns what is the same for a directory whatever links lead to it; nothing's, if it is gone."""
    try:
        status = os.stat(folder)  # noqa: PTH116
    except OSError:
        return -1, -1
    return status.st_dev, status.st_ino


def _check_names(folder: str, names: list[str]) -> None:
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(
                "the name of this file or directory is not UTF-8",
                path=os.fsencode(f"{folder}/{name}").decode("utf-8", "backslashreplace"),
                hint="Rename it, such as with: convmv -f latin1 -t utf-8 -r --notest DIRECTORY",
            ) from None


def is_data(file: Path) -> bool:
    """Returns whether a path is a visible, regular file."""
    return file.is_file() and not is_left_out(str(file))


def is_left_out(path: str) -> bool:
    """Returns whether a path's last part is a name that readers leave out."""
    return path.rpartition("/")[2].startswith((".", "_"))


def size_of(file: Path) -> int:
    """Returns a file's size in bytes.

    Raises:
        DataError: If the file is empty or cannot be read.
    """
    try:
        size = file.stat().st_size
        with file.open("rb"):
            pass
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", path=str(file)) from error
    if size == 0:
        raise DataError("the file is empty", path=str(file))
    return size


def read_file(file: Path, limits: DataLimits) -> bytes | None:
    """Returns a file's content; None if it cannot be read, is too large, or is none, such as a pipe."""
    try:
        status = file.stat()
        # A device or a pipe may have no end.
        readable = stat.S_ISREG(status.st_mode) and status.st_size <= limits.file_mb << 20
        return file.read_bytes() if readable else None
    except (OSError, ValueError):  # a name with a null byte is no path
        return None
