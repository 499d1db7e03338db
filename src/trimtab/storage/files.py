"""Sources in object stores as local files, so that every reader of a local path reads ``gs://`` too.

A source is a file, a directory or a glob. What it means is fixed by one listing: the names and generations of
its objects. They are streamed, several at once and verified, into a directory of the cache that is named by a
hash of that listing, and renamed into place whole. A later call that lists the same finds them there, and
verifies them again; changed objects give another directory, so that nothing that is being read ever changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab import progress
from trimtab.errors import ArtifactError, DataError, StorageError
from trimtab.os_errors import typed_os_errors
from trimtab.storage import atomic
from trimtab.storage.objects.base import Entry, Objects, checksum
from trimtab.storage.objects.limits import DEFAULT, Limits
from trimtab.storage.objects.location import Location
from trimtab.storage.objects.store import inside
from trimtab.storage.parallel import in_parallel

_KEY_LENGTH = 32
_TRIES = 3
_LARGE_BYTES = 10**8  # a download that people want to be told of


@dataclass(frozen=True)
class LocalCopy:
    """What was fetched.

    Attributes:
        path: What means the same as the source: a file or a directory with its own name, or, for a glob, the
            glob below ``directory``.
        directory: The local directory that everything is in.
        uri: What the directory is a copy of.
    """

    path: str
    directory: Path
    uri: str


def fetched(source: str, cache: Path, limits: Limits = DEFAULT) -> LocalCopy:
    """Returns a local copy of a source in an object store.

    Args:
        source: The URI of a file, a directory (with a slash at its end, also where an object has the same
            name), or a glob (``*``, ``?``, ``[...]``, and ``**`` for any number of directories).
        cache: Where to keep local copies; made when missing. It is shared by processes, and nothing in it is
            removed.
        limits: How patient to be.

    Raises:
        DataError: If nothing is there, or names collide as local files.
        ConfigError: If it cannot be accessed.
        StorageError: If it cannot be reached, or the cache has no room for it.
        ArtifactError: If it arrives damaged again and again, or changes again and again while it is read.
    """
    location = Location.parse(source)
    objects = location.objects(limits)
    root, entries = _listing(source, objects)
    for _ in range(_TRIES):
        try:
            copy = _copied(location, root, entries, cache, objects)
            break
        except ArtifactError:
            before, (root, entries) = entries, _listing(source, objects)
            if entries == before:  # else it was replaced while it was read
                raise
    else:
        raise ArtifactError("it changed again and again while it was read", path=location.uri)
    inner = location.name.removeprefix(root)
    means_itself = [entry.name for entry in entries] == [location.name] or not glob.has_magic(inner)
    path = str(copy / inner) if means_itself else f"{glob.escape(str(copy))}/{inner}"
    return LocalCopy(path, copy, Location(location.scheme, location.bucket, root.rstrip("/")).uri)


def _copied(location: Location, root: str, entries: list[Entry], cache: Path, objects: Objects) -> Path:
    """Returns the directory of the cache that holds the copy; it is made now unless it is there."""
    key = "".join(f"{entry.name}\n{entry.generation}\n" for entry in entries)
    copy = cache / hashlib.sha256(f"{location.uri}\n{key}".encode()).hexdigest()[:_KEY_LENGTH]
    with typed_os_errors(cache, absent_too=True), _locked(cache, copy.name):
        if not _is_intact(copy, root, entries):
            _fetch(copy, root, entries, objects, location.uri)
    return copy


def fingerprint(source: str, limits: Limits = DEFAULT) -> dict[str, str]:
    """Returns what tells each object of a source from another content, by its URI, without reading any.

    It is the CRC-32C, or where a store does not list that, the generation.

    Args:
        source: As for ``fetched``.
        limits: How patient to be.

    Raises:
        DataError: If nothing is there.
        ConfigError: If it cannot be accessed.
        StorageError: If it cannot be reached.
    """
    objects = Location.parse(source).objects(limits)
    return {
        objects.uri(entry.name): entry.crc32c or entry.generation for entry in _listing(source, objects)[1]
    }


def _listing(source: str, objects: Objects) -> tuple[str, list[Entry]]:
    """Returns the objects that a source means, and the part of their names that local copies leave out."""
    location = Location.parse(source)
    single = None if source.endswith("/") or not location.name else objects.find(location.name)
    root = location.name.rpartition("/")[0] + "/" if "/" in location.name else ""
    if single is not None:  # also one whose name looks like a glob
        entries = [single]
    elif glob.has_magic(location.name):
        fixed = re.split(r"[*?\[]", location.name, maxsplit=1)[0]
        root = fixed.rpartition("/")[0] + "/" if "/" in fixed else ""
        pattern = _translated(location.name)
        entries = [entry for entry in objects.entries(fixed) if pattern.fullmatch(entry.name)]
        if "/." not in location.name.removeprefix(root.rstrip("/")):
            entries = [entry for entry in entries if _is_visible(entry.name.removeprefix(root))]
    else:
        prefix = location.prefix
        entries = [entry for entry in objects.entries(prefix) if _is_visible(entry.name.removeprefix(prefix))]
    # A name with a slash at its end is the placeholder of an empty directory, which consoles create.
    entries = [entry for entry in entries if not entry.name.endswith("/")]
    if not entries:
        raise DataError("there is no object of this name, below it, or that matches it", path=location.uri)
    for entry in entries:
        if entry.encoding:
            raise DataError(
                f"it is stored with Content-Encoding: {entry.encoding}",
                path=objects.uri(entry.name),
                hint="Store it as it is to be read.",
            )
    return root, entries


def _is_visible(name: str) -> bool:
    """Returns whether readers see a file of this name; the list of a whole directory is hidden too."""
    return not any(part.startswith(".") and part.strip(".") for part in name.split("/"))


def _fetch(copy: Path, root: str, entries: Sequence[Entry], objects: Objects, uri: str) -> None:
    for leftover in copy.parent.glob(f".{copy.name}.*{atomic.PART}"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    size = sum(entry.size for entry in entries)
    _check_space(copy.parent, size, uri)
    if size > _LARGE_BYTES:
        progress.say("storage", f"fetching {uri}: {len(entries):,} objects, {size / 1e6:,.0f} MB")
    with atomic.new_directory(copy) as part:
        targets = _targets(part, root, entries, objects)
        in_parallel(lambda pair: objects.download(*pair), list(zip(entries, targets, strict=True)))
        untold = {e.name: t for e, t in zip(entries, targets, strict=True) if not e.crc32c}
        if untold:
            checksums = dict(zip(untold, in_parallel(_checksum, untold.values()), strict=True))
            atomic.write_bytes(_arrived(copy), json.dumps(checksums).encode())


def _check_space(cache: Path, size: int, uri: str) -> None:
    free = shutil.disk_usage(cache).free
    if free < size:
        raise StorageError(
            f"it has {size / 1e6:,.1f} MB, and the cache {cache} has room for {free / 1e6:,.1f}",
            path=uri,
            hint="Name a directory with more room in XDG_CACHE_HOME.",
        )


def _targets(part: Path, root: str, entries: Sequence[Entry], objects: Objects) -> list[Path]:
    """Returns the local file of every object; a file cannot be two objects, or a directory too."""
    targets = [inside(part, e.name.removeprefix(root), objects.uri(root)) for e in entries]
    taken = {parent for target in targets for parent in target.parents}
    for entry, target in zip(entries, targets, strict=True):
        if target in taken:
            raise DataError(
                "another object uses this name, as a file or as a directory", path=objects.uri(entry.name)
            )
        taken.add(target)
    return targets


def _is_intact(copy: Path, root: str, entries: Sequence[Entry]) -> bool:
    """Returns whether an earlier copy is still what was downloaded."""
    untold = _read_arrived(copy) if not all(entry.crc32c for entry in entries) else {}

    def same(entry: Entry) -> bool:
        file = copy / entry.name.removeprefix(root)
        if not file.is_file() or file.stat().st_size != entry.size:
            return False
        return _checksum(file) == (entry.crc32c or untold.get(entry.name))

    return copy.is_dir() and all(in_parallel(same, entries))


def _checksum(file: Path) -> str:
    with file.open("rb") as handle:
        return checksum(handle)


def _arrived(copy: Path) -> Path:
    """Returns the file beside a copy that says what arrived, of objects whose store lists no CRC-32C."""
    return copy.with_name(f".{copy.name}.crc32c")


def _read_arrived(copy: Path) -> dict[str, str]:
    try:
        checksums: dict[str, str] = json.loads(_arrived(copy).read_bytes())
    except (FileNotFoundError, ValueError):  # it was cut off, or something spoiled it
        return {}
    return checksums


@contextlib.contextmanager
def _locked(cache: Path, name: str) -> Iterator[None]:
    """Lets one process at a time make a copy; the kernel releases the lock of a process that dies."""
    cache.mkdir(parents=True, exist_ok=True)
    handle = os.open(cache / f".{name}.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _translated(pattern: str) -> re.Pattern[str]:
    """Returns a glob as a regular expression that matches what ``glob.glob`` matches of local paths."""
    wild = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^]]+\]|[^*?\[]+|\[", pattern):
        if piece in wild:
            parts.append(wild[piece])
        elif piece.startswith("[") and len(piece) > 1:
            inner = piece[1:-1].replace("\\", r"\\")
            parts.append(f"[^/{inner[1:]}]" if inner.startswith("!") else f"[{inner}]")
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts), re.DOTALL)
