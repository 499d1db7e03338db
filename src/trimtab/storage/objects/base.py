"""What a store is: the protocol of one bucket's objects, which each module of ``STORES`` fulfils.

A store's module has one object, ``STORE``. It is light to import; the client's library is imported by the
first request. All that trimtab promises of a bucket is built upon these few requests: of writers that race
for an object one wins, and nobody reads what nobody wrote.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import google_crc32c

from trimtab.storage.objects.limits import Limits

NOTHING = ""
"""The generation of an object that is not there."""

_READ_BLOCK = 2**20


@dataclass(frozen=True)
class Entry:
    """One object.

    Attributes:
        name: Its whole name in the bucket.
        size: Bytes.
        crc32c: CRC-32C of the content: big-endian, base64. Empty where the store does not tell it: a
            listing may not, and of what trimtab did not write nothing may.
        generation: Which of its contents this is, in the store's own words; empty: the newest.
        encoding: The Content-Encoding that it was stored with.
        written: When, in seconds since 1970.
    """

    name: str
    size: int
    crc32c: str
    generation: str = NOTHING
    encoding: str = ""
    written: float = 0.0


def generation_of(entry: Entry | None) -> str:
    """Returns what a writer replaces who has seen this object, or that there is none."""
    return NOTHING if entry is None else entry.generation


class Objects(Protocol):
    """The objects of one bucket: every request that trimtab makes, checksummed, retried, with typed errors.

    A write names the generation that it replaces, and is safe to repeat: of an attempt that stalled and its
    repetition one takes effect, and a repetition that is refused knows whether the attempt before it had
    already succeeded.

    Every method raises ConfigError (no credentials, no access, no such bucket), StorageError (kept failing
    until the deadline) or ArtifactError (damaged again and again).
    """

    def uri(self, name: str) -> str:
        """Returns the URI of an object."""

    def names(self, prefix: str) -> list[str]:
        """Returns the names of all objects that begin with ``prefix``, in order."""

    def entries(self, prefix: str) -> list[Entry]:
        """Returns all objects that begin with ``prefix``, in the order of their names."""

    def find(self, name: str) -> Entry | None:
        """Returns an object, or None if there is none."""

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Returns an object's content and generation, or None if there is none."""

    def write(self, name: str, data: bytes, generation: str) -> Entry | None:
        """Replaces one generation of an object.

        Args:
            name: The object.
            data: The new content.
            generation: What it replaces; ``NOTHING``: there is no such object.

        Returns:
            What was stored, or None if another generation was there.
        """

    def upload(self, name: str, file: Path, generation: str) -> Entry | None:
        """Replaces one generation of an object with the bytes that a file has now; see ``write``.

        A file that grows meanwhile is sent up to where it ended at the beginning. Memory: one block.
        """

    def download(self, entry: Entry, target: Path) -> None:
        """Writes an object's content to a file and verifies it. Memory: a few blocks.

        Args:
            entry: The object, with the checksum that it must have, where it has one.
            target: A new file; its directory is created when missing.

        Raises:
            ArtifactError: If the object has gone or has another content.
        """

    def delete(self, name: str, generation: str) -> None:
        """Deletes a generation of an object, if it still is the newest one."""

    def check_writable(self, name: str) -> None:
        """Returns if an object of this name could be written; nothing is. Else it raises as writing would."""


@dataclass(frozen=True)
class StoreKind:
    """A store as the registry finds it: ``STORE`` of its module.

    Attributes:
        objects: Makes the ``Objects`` of a bucket: ``(scheme, bucket, limits)``.
        bucket: What a bucket's name looks like.
        variables: Those of the environment that the client reads: a task in a container is given them.
        endpoint: Which of them names another server than the usual one, the first that is set; empty: none.
        files: Those that name a file with credentials, with where it is when they are not set.
    """

    objects: Callable[[str, str, Limits], Objects]
    bucket: re.Pattern[str]
    variables: tuple[str, ...] = ()
    endpoint: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def checksum(stream: IO[bytes], size: int | None = None, start: int = 0) -> str:
    """Returns the CRC-32C of ``size`` bytes (None: all) of a stream from ``start`` on: big-endian, base64."""
    stream.seek(start)
    sum_, left = google_crc32c.Checksum(), size
    while block := stream.read(_READ_BLOCK if left is None else min(_READ_BLOCK, left)):
        sum_.update(block)
        left = None if left is None else left - len(block)
    return base64.b64encode(sum_.digest()).decode()
