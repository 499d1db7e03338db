"""The store at the URI of a bucket, or of a prefix in it.

An object store has no directories and renames nothing, so a *whole* directory is one whose last object has
been
written: ``.whole.json``, which lists the size and the CRC-32C of every file. A reader begins with it, fetches
what it lists, and compares: it gets exactly what one writer put there, or an error, or, where the list is
missing, nothing. A writer that is killed leaves no list. One that replaces a directory removes the old list
first.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from pydantic import BaseModel, ValidationError

from trimtab.errors import ArtifactError, StorageError
from trimtab.storage import atomic
from trimtab.storage.objects.base import NOTHING, Entry, checksum, generation_of
from trimtab.storage.objects.limits import DEFAULT, Limits
from trimtab.storage.objects.location import Location
from trimtab.storage.parallel import in_parallel

WHOLE = ".whole.json"
_TRIES = 5


class _File(BaseModel):
    """Size and CRC-32C of one file."""

    size: int
    crc32c: str


class _Whole(BaseModel):
    """``.whole.json``."""

    files: dict[str, _File]
    upload: str = ""  # of no two writes the same: some stores tell contents apart, and not writes


class ObjectStore:
    """Objects below ``SCHEME://BUCKET/PREFIX``; see ``trimtab.storage.store.Store``.

    Every method raises ConfigError (no credentials, no access, no such bucket), StorageError (the service
    kept failing until the deadline) or ArtifactError (damaged content).

    Args:
        uri: The URI; the bucket exists.
        limits: How patient to be.

    Raises:
        ConfigError: If the URI is not ``SCHEME://BUCKET[/PREFIX]``.
    """

    def __init__(self, uri: str, limits: Limits = DEFAULT) -> None:
        self._location = Location.parse(uri)
        self._objects = self._location.objects(limits)
        self.uri = self._location.uri

    def read(self, name: str) -> bytes | None:
        """See ``Store``."""
        stored = self._objects.read(self._full(name))
        return None if stored is None else stored[0]

    def write(self, name: str, data: bytes) -> None:
        """See ``Store``; of writers at the same time, the last one wins."""
        for _ in range(_TRIES):
            entry = self._objects.find(self._full(name))
            if self._objects.write(self._full(name), data, generation_of(entry)) is not None:
                return
        raise StorageError(
            f"other writers were faster {_TRIES} times in a row", path=self._objects.uri(self._full(name))
        )

    def swap(self, name: str, expected: bytes | None, data: bytes) -> bool:
        """See ``Store``: the content is compared at a generation, and only that generation is replaced."""
        stored = self._objects.read(self._full(name))
        content, generation = stored or (None, NOTHING)
        return content == expected and self._objects.write(self._full(name), data, generation) is not None

    def names(self, prefix: str = "") -> list[str]:
        """See ``Store``; as there, hidden files are left out."""
        full = self._objects.names(self._location.prefix + prefix)
        names = (name.removeprefix(self._location.prefix) for name in full)
        return sorted(
            name for name in names if name and not name.rpartition("/")[2].startswith(".") and name[-1] != "/"
        )

    def put_directory(self, source: Path, name: str) -> None:
        """See ``Store``; a repetition sends only what is missing.

        Raises:
            ArtifactError: If another writer puts something else there at the same time: neither is whole
                then.
        """
        prefix = self._full(name) + "/"
        files = sorted(file for file in source.rglob("*") if file.is_file())
        local = {file.relative_to(source).as_posix(): file for file in files}
        there = {entry.name.removeprefix(prefix): entry for entry in self._objects.entries(prefix)}
        old = there.pop(WHOLE, None)
        listed = dict(zip(local, in_parallel(_describe, local.values()), strict=True))
        if old is not None:
            self._objects.delete(old.name, old.generation)
        changed = [name for name, file in listed.items() if self._is_other(there.get(name), file)]
        in_parallel(lambda n: self._put_file(prefix + n, local[n], listed[n], there.get(n)), changed)
        leftover = [entry for name, entry in there.items() if name not in local]
        in_parallel(lambda entry: self._objects.delete(entry.name, entry.generation), leftover)
        self._put_list(prefix + WHOLE, _Whole(files=listed, upload=uuid.uuid4().hex))

    def get_directory(self, name: str, target: Path) -> None:
        """See ``Store``.

        Raises:
            FileNotFoundError: If there is no whole directory.
            ArtifactError: If a file is not what the directory's list says.
        """
        prefix = self._full(name) + "/"
        uri, whole = self._objects.uri(prefix), self._whole(prefix)
        while True:
            files = _parse(whole[0], uri + WHOLE).files
            entries = {n: Entry(prefix + n, file.size, file.crc32c) for n, file in files.items()}
            try:
                with atomic.new_directory(target) as part:
                    pairs = [(entry, inside(part, n, uri)) for n, entry in entries.items()]
                    in_parallel(lambda pair: self._objects.download(*pair), pairs)
                return
            except ArtifactError:
                before, whole = whole, self._whole(prefix)
                if whole == before:  # else the directory was replaced meanwhile
                    raise

    def has_directory(self, name: str) -> bool:
        """See ``Store``."""
        return self._objects.find(f"{self._full(name)}/{WHOLE}") is not None

    def remove_directory(self, name: str) -> None:
        """See ``Store``; the list goes first, so that nobody reads a part."""
        entries = self._objects.entries(self._full(name) + "/")
        lists = [entry for entry in entries if entry.name.endswith(f"/{WHOLE}")]
        for batch in (lists, [entry for entry in entries if entry not in lists]):
            in_parallel(lambda entry: self._objects.delete(entry.name, entry.generation), batch)

    def fetch(self, name: str, target: Path) -> None:
        """See ``Store``."""
        entry = self._objects.find(self._full(name))
        if entry is None:
            raise FileNotFoundError(self._objects.uri(self._full(name)))
        self._objects.download(entry, target)

    def ages(self, prefix: str = "") -> dict[str, float]:
        """See ``Store``."""
        now = time.time()
        return {
            entry.name.removeprefix(self._location.prefix): now - entry.written
            for entry in self._objects.entries(self._location.prefix + prefix)
        }

    def check_writable(self) -> None:
        """See ``Store``."""
        self._objects.check_writable(self._full(".writable"))

    def _is_other(self, entry: Entry | None, file: _File) -> bool:
        """Returns whether a file is to be sent; where a listing tells no checksum, the object itself may."""
        if entry is not None and not entry.crc32c and entry.size == file.size:
            entry = self._objects.find(entry.name)
        return _differs(entry, file)

    def _whole(self, prefix: str) -> tuple[bytes, str]:
        """Returns the list of files of a directory, and its generation."""
        stored = self._objects.read(prefix + WHOLE)
        if stored is None:
            raise FileNotFoundError(self._objects.uri(prefix))
        return stored

    def _put_file(self, full: str, file: Path, expected: _File, old: Entry | None) -> None:
        entry = self._objects.upload(full, file, generation_of(old)) or self._objects.find(full)
        if _differs(entry, expected):
            raise _raced(self._objects.uri(full))

    def _put_list(self, full: str, whole: _Whole) -> None:
        content = (whole.model_dump_json(indent=2) + "\n").encode()
        if self._objects.write(full, content, NOTHING) is None:
            there = self._objects.read(full)
            if there is None or _parse(there[0], self._objects.uri(full)).files != whole.files:
                raise _raced(self._objects.uri(full))

    def _full(self, name: str) -> str:
        return self._location.prefix + name


def inside(directory: Path, name: str, uri: str) -> Path:
    """Returns the file that an object's name below ``uri`` means in a directory.

    Raises:
        ArtifactError: If it would be outside.
    """
    file = directory / name
    if not name or name.startswith("/") or ".." in file.parts or "\0" in name:
        raise ArtifactError(f"expected the name of a file below it, found {name!r}", path=uri)
    return file


def _describe(file: Path) -> _File:
    with file.open("rb") as handle:
        return _File(size=file.stat().st_size, crc32c=checksum(handle))


def _differs(entry: Entry | None, file: _File) -> bool:
    return entry is None or (entry.size, entry.crc32c) != (file.size, file.crc32c)


def _parse(content: bytes, uri: str) -> _Whole:
    try:
        return _Whole.model_validate_json(content)
    except ValidationError as error:
        raise ArtifactError(f"the list of files is damaged: {error.errors()[0]['msg']}", path=uri) from error


def _raced(uri: str) -> ArtifactError:
    return ArtifactError(
        "another writer put something else there", path=uri, hint="Run this step again, alone."
    )
