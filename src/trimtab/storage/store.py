"""Stores: small objects behind a URI, with an atomic compare-and-swap for pointers that are raced for."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Protocol

from trimtab.errors import ConfigError, StorageError
from trimtab.home import expanded_to_write
from trimtab.os_errors import typed_os_errors
from trimtab.registry import STORES
from trimtab.storage import atomic, swap
from trimtab.storage.objects.limits import DEFAULT, Limits
from trimtab.storage.objects.location import schemes


class Store(Protocol):
    """Objects by name below one URI; names use ``/``."""

    uri: str

    def read(self, name: str) -> bytes | None:
        """Returns an object's content, or None when there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Creates or replaces an object; readers see the old one or the new one whole."""

    def swap(self, name: str, expected: bytes | None, data: bytes) -> bool:
        """Replaces an object only if its content still is ``expected`` (None: only if there is none)."""

    def names(self, prefix: str = "") -> list[str]:
        """Returns the sorted names of all objects that begin with ``prefix``."""

    def put_directory(self, source: Path, name: str) -> None:
        """Copies a local directory to ``name``; readers see all of it or nothing."""

    def get_directory(self, name: str, target: Path) -> None:
        """Copies the objects below ``name`` to a new local directory."""

    def has_directory(self, name: str) -> bool:
        """Returns whether a whole directory is at ``name``."""

    def remove_directory(self, name: str) -> None:
        """Removes whatever is below ``name``, if there is anything."""

    def fetch(self, name: str, target: Path) -> None:
        """Copies an object to a new local file; FileNotFoundError where there is none."""

    def ages(self, prefix: str = "") -> dict[str, float]:
        """Returns the seconds since each object was written by name, hidden ones included."""

    def check_writable(self) -> None:
        """Returns if objects may be created here; nothing is left. Else it raises what creating one would."""


class LocalStore:
    """A directory.

    Every method raises StorageError where the operating system refuses: no permission, no space.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)

    def read(self, name: str) -> bytes | None:
        """See ``Store``."""
        with typed_os_errors(self.root / name):
            try:
                return (self.root / name).read_bytes()
            except FileNotFoundError:
                return None
            except NotADirectoryError:
                if self.root.is_dir():
                    return None
                raise  # before hours of training, not when its result is to be written

    def write(self, name: str, data: bytes) -> None:
        """See ``Store``."""
        with typed_os_errors(self.root / name):
            atomic.write_bytes(self.root / name, data)

    def swap(self, name: str, expected: bytes | None, data: bytes) -> bool:
        """See ``Store``; without a lock, so that one that dies or sleeps stops nobody."""
        with typed_os_errors(self.root / name):
            return swap.swap(self.root / name, expected, data)

    def names(self, prefix: str = "") -> list[str]:
        """See ``Store``; hidden files, claims of swaps, and directories being written are left out."""
        names, start = [], self.root / prefix.rpartition("/")[0]
        with typed_os_errors(start):
            for directory, inner, files in os.walk(start, onerror=_unless_gone):
                inner[:] = [child for child in inner if not _is_internal(child)]
                place = Path(directory).relative_to(self.root)
                names += [(place / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(name for name in names if name.startswith(prefix))

    def put_directory(self, source: Path, name: str) -> None:
        """See ``Store``."""
        with typed_os_errors(self.root / name), atomic.new_directory(self.root / name) as part:
            shutil.copytree(source, part, dirs_exist_ok=True)

    def get_directory(self, name: str, target: Path) -> None:
        """See ``Store``."""
        with typed_os_errors(self.root / name), atomic.new_directory(target) as part:
            shutil.copytree(self.root / name, part, dirs_exist_ok=True)

    def has_directory(self, name: str) -> bool:
        """See ``Store``."""
        return (self.root / name).is_dir()

    def remove_directory(self, name: str) -> None:
        """See ``Store``; it is out of the way at once, whatever interrupts the rest."""
        with typed_os_errors(self.root / name):
            gone = (self.root / name).with_name(f".{Path(name).name}.{uuid.uuid4().hex}{atomic.PART}")
            with contextlib.suppress(FileNotFoundError):
                (self.root / name).rename(gone)
                shutil.rmtree(gone)

    def fetch(self, name: str, target: Path) -> None:
        """See ``Store``."""
        with typed_os_errors(self.root / name):
            shutil.copyfile(self.root / name, target)

    def ages(self, prefix: str = "") -> dict[str, float]:
        """See ``Store``."""
        ages, start = {}, self.root / prefix.rpartition("/")[0]
        with typed_os_errors(start):
            for directory, _, files in os.walk(start, onerror=_unless_gone):
                for file in (Path(directory, name) for name in files):
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                        ages[file.relative_to(self.root).as_posix()] = time.time() - file.stat().st_mtime
        return {name: age for name, age in ages.items() if name.startswith(prefix)}

    def check_writable(self) -> None:
        """See ``Store``; space may still run out."""
        place = next(directory for directory in (self.root, *self.root.parents) if directory.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise StorageError(
                "nothing can be written here", path=str(place), hint="Look at its permissions."
            )


def _is_internal(directory: str) -> bool:
    return directory == swap.CLAIMS or (directory.startswith(".") and directory.endswith(atomic.PART))


def _unless_gone(error: OSError) -> None:
    """Lets a walk go on where there is no directory, or none any more."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def open_store(uri: str, limits: Limits = DEFAULT) -> Store:
    """Returns the store at a URI.

    Args:
        uri: A local path, or that of an object store, ``gs://BUCKET[/PREFIX]``.
        limits: How patient to be with an object store.

    Raises:
        ConfigError: If the URI's scheme is not supported.
    """
    scheme, separator, _ = uri.partition("://")
    single, _, _ = uri.partition(":/")
    if not separator and single.lower() in STORES:
        raise ConfigError(f"expected {single.lower()}://BUCKET/NAME, with two slashes", path=uri)
    if not separator:
        return LocalStore(expanded_to_write(uri))
    if scheme not in STORES:
        raise ConfigError(f"expected a local path or {schemes()}, found the scheme {scheme}://", path=uri)
    from trimtab.storage.objects.store import ObjectStore

    return ObjectStore(uri, limits)


def read(uri: str) -> bytes | None:
    """Returns the content of one file, or one object, or None if there is none; errors as for ``write``."""
    directory, name = _split(uri)
    return open_store(directory).read(name)


def write(uri: str, data: bytes) -> None:
    """Writes one file, or one object; readers see the old one or the new one whole.

    Args:
        uri: A local path, or ``gs://BUCKET/NAME``.
        data: The whole content.

    Raises:
        ConfigError: If the URI is neither, or cannot be accessed.
        StorageError: If it cannot be written.
    """
    directory, name = _split(uri)
    open_store(directory).write(name, data)


def _split(uri: str) -> tuple[str, str]:
    directory, _, name = uri.rpartition("/") if "://" in uri else (str(Path(uri).parent), "", Path(uri).name)
    if not name or directory.endswith(":/"):
        raise ConfigError("expected the name of a file", path=uri)
    return directory, name
