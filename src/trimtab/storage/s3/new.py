"""An object that is on its way into a bucket of S3."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO

from trimtab.storage.objects.base import NOTHING, Entry, checksum
from trimtab.storage.s3.client import PassingError

TOKEN, CRC32C = "x-amz-meta-trimtab-write", "x-amz-meta-trimtab-crc32c"
"""Metadata: whose write it was; the checksum of the whole, which S3 keeps of none that was sent in parts."""


@dataclass(frozen=True)
class New:
    """What is written.

    Attributes:
        name: The object's.
        stream: Its content, the first ``size`` bytes.
        size: Bytes.
        generation: What it replaces; ``NOTHING``: there is no such object.
        token: By it the writer knows its own object again.
    """

    name: str
    stream: IO[bytes]
    size: int
    generation: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @cached_property
    def crc32c(self) -> str:
        """Returns the checksum of the whole."""
        return checksum(self.stream, self.size)

    @property
    def headers(self) -> dict[str, str]:
        """Returns what is kept with the object."""
        kind = mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        return {"Content-Type": kind, CRC32C: self.crc32c, TOKEN: self.token}

    @property
    def condition(self) -> dict[str, str]:
        """Returns what must hold, or nothing is written."""
        return {"If-None-Match": "*"} if self.generation == NOTHING else {"If-Match": self.generation}

    def is_in(self, headers: Mapping[str, str]) -> bool:
        """Returns whether an object with these headers is this one."""
        return headers.get(TOKEN) == self.token

    def stored(self, etag: str | None) -> Entry:
        """Returns what is stored now; an answer without an ETag is not S3's."""
        if not etag:
            raise PassingError("expected an answer of S3, found something else: is a proxy in between?")
        return Entry(self.name, self.size, self.crc32c, etag)
