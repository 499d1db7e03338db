"""The objects of one bucket: every request that trimtab makes, checksummed, retried, and with typed errors.

A write names the generation that it replaces (0: none), and carries a token. That makes it safe to repeat: of
an attempt that stalled and its repetition one takes effect, a late one never overwrites what came after it,
and a repetition that is refused knows by the token whether the attempt before it had already succeeded.
"""

from __future__ import annotations

import base64
import io
import mimetypes
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import google_crc32c

from trimtab.errors import ArtifactError, StorageError
from trimtab.storage.gcs import client
from trimtab.storage.gcs.limits import Limits
from trimtab.storage.gcs.location import SCHEME
from trimtab.storage.parallel import WORKERS

PAGE = 1000
UPLOAD_BLOCK = 8 * 2**20
SLICED_FROM, SLICE = 32 * 2**20, 16 * 2**20
_TOKEN = "trimtab-write"
_READ_BLOCK = 2**20
# A checksum that the server refuses, a session that it has lost, an answer that does not say what it must.
_DAMAGED_UPLOAD = (400, 404, 410, 200, 308)


@dataclass(frozen=True)
class Entry:
    """One object, as a listing shows it.

    Attributes:
        name: Its whole name in the bucket.
        size: Bytes.
        crc32c: CRC-32C of the content: big-endian, base64.
        generation: Which of its contents this is; None: the newest.
        encoding: The Content-Encoding that it was stored with.
    """

    name: str
    size: int
    crc32c: str
    generation: int | None = None
    encoding: str = ""


class Objects:
    """The objects of one bucket.

    Every method raises ConfigError (no credentials, no access, no such bucket), StorageError (kept failing
    until the deadline) or ArtifactError (damaged again and again).

    Args:
        bucket: Its name; it exists.
        limits: How patient to be.
    """

    def __init__(self, bucket: str, limits: Limits) -> None:
        self.bucket, self._limits = bucket, limits

    def uri(self, name: str) -> str:
        """Returns the URI of an object."""
        return f"{SCHEME}{self.bucket}/{name}"

    def names(self, prefix: str) -> list[str]:
        """Returns the names of all objects that begin with ``prefix``, in order; pages of names alone."""
        with client.typed_errors(self.uri(prefix)):
            return client.intact(lambda: [blob.name for blob in self._pages(prefix, "name")])

    def entries(self, prefix: str) -> list[Entry]:
        """Returns all objects that begin with ``prefix``, in the order of their names."""
        with client.typed_errors(self.uri(prefix)):
            return client.intact(
                lambda: [
                    _entry(blob)
                    for blob in self._pages(prefix, "name,size,crc32c,generation,contentEncoding")
                ]
            )

    def find(self, name: str) -> Entry | None:
        """Returns an object, or None if there is none."""
        from google.api_core.exceptions import NotFound

        with client.typed_errors(self.uri(name)):
            blob = self._blob(name)

            def attempt() -> Entry:
                blob.reload(**self._options())
                return _entry(blob)

            try:
                return client.intact(attempt)
            except NotFound:
                self._require_bucket()
                return None

    def read(self, name: str) -> tuple[bytes, int] | None:
        """Returns an object's content and generation, or None if there is none."""
        from google.api_core.exceptions import NotFound

        def attempt() -> tuple[bytes, int]:
            buffer, blob = io.BytesIO(), self._blob(name)
            blob.download_to_file(buffer, raw_download=True, checksum="crc32c", **self._options())
            if blob.crc32c is None or blob.generation is None:
                # A broken download that went on may have no checksum in its last answer; emulators have none.
                blob.reload(if_generation_match=blob.generation, **self._options())
                _entry(blob)
            _verify(buffer, blob.crc32c)
            return buffer.getvalue(), int(blob.generation)

        with client.typed_errors(self.uri(name)):
            try:
                return client.intact(attempt)
            except NotFound:
                self._require_bucket()
                return None

    def write(self, name: str, data: bytes, generation: int) -> Entry | None:
        """Replaces one generation of an object.

        Args:
            name: The object.
            data: The new content.
            generation: What it replaces; 0: nothing, there is no such object.

        Returns:
            What was stored, or None if another generation was there.
        """
        return self._send(name, io.BytesIO(data), len(data), generation)

    def upload(self, name: str, file: Path, generation: int) -> Entry | None:
        """Replaces one generation of an object with the bytes that a file has now.

        A file that grows meanwhile is sent up to where it ended at the beginning. Memory: one block.

        Args:
            name: The object.
            file: A local file.
            generation: As for ``write``.

        Returns:
            What was stored, or None if another generation was there.
        """
        with file.open("rb") as handle:
            return self._send(name, handle, file.stat().st_size, generation)

    def download(self, entry: Entry, target: Path) -> None:
        """Writes an object's content to a file and verifies it; a large object comes in parallel slices.

        Args:
            entry: The object, with the checksum that it must have.
            target: A new file; its directory is created when missing. Memory: a few small blocks.

        Raises:
            ArtifactError: If the object has gone or has another content.
        """
        from google.api_core.exceptions import NotFound

        with client.typed_errors(self.uri(entry.name)):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                client.intact(lambda: self._fetch(entry, target))
            except NotFound as error:
                self._require_bucket()
                raise ArtifactError(
                    "this object has gone, or was replaced while it was read",
                    path=self.uri(entry.name),
                    hint="Run this again when nothing writes there.",
                ) from error

    def delete(self, name: str, generation: int) -> None:
        """Deletes a generation of an object, if it still is the newest one."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with client.typed_errors(self.uri(name)):
            try:
                client.intact(
                    lambda: self._blob(name).delete(if_generation_match=generation, **self._options())
                )
            except NotFound:
                self._require_bucket()
            except PreconditionFailed:
                pass  # another writer's newer content stays

    def _send(self, name: str, stream: IO[bytes], size: int, generation: int) -> Entry | None:
        from google.api_core.exceptions import NotFound, PreconditionFailed
        from google.cloud.storage.exceptions import DataCorruption

        token, crc32c = uuid.uuid4().hex, checksum(stream, size)
        options = _options(self._limits.for_block(min(size, UPLOAD_BLOCK)))

        def attempt() -> Entry | None:
            blob = self._blob(name, chunk_size=UPLOAD_BLOCK)
            blob.metadata = {_TOKEN: token}
            try:
                blob.upload_from_file(
                    stream,
                    rewind=True,
                    size=size,
                    content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
                    if_generation_match=generation,
                    checksum="crc32c",
                    **options,
                )
            except PreconditionFailed:
                try:
                    blob.reload(**self._options())
                except NotFound:
                    return None  # it was removed meanwhile
                if (blob.metadata or {}).get(_TOKEN) != token:
                    return None  # another writer won; else it was an attempt of ours whose answer was lost
            if blob.crc32c != crc32c:
                raise DataCorruption(None, f"sent the CRC-32C {crc32c}, stored was {blob.crc32c}")
            return Entry(name, size, crc32c, int(blob.generation))

        with client.typed_errors(self.uri(name)):
            try:
                return client.intact(attempt, again=_DAMAGED_UPLOAD)
            except NotFound as error:
                self._require_bucket()
                raise StorageError(
                    "the server forgot this upload again and again", path=self.uri(name), hint=client.AGAIN
                ) from error

    def _fetch(self, entry: Entry, target: Path) -> None:
        from google.cloud.storage import transfer_manager

        blob = self._blob(entry.name, generation=entry.generation)
        if entry.size >= SLICED_FROM:
            transfer_manager.download_chunks_concurrently(
                blob,
                str(target),
                chunk_size=SLICE,
                download_kwargs={"raw_download": True, **self._options(SLICE)},
                worker_type=transfer_manager.THREAD,
                max_workers=WORKERS,
            )
        else:
            with target.open("wb") as file:
                blob.download_to_file(file, raw_download=True, checksum="crc32c", **self._options(entry.size))
        # The client leaves out its own check when a broken download went on from its middle.
        with target.open("rb") as file:
            _verify(file, entry.crc32c)

    def _pages(self, prefix: str, fields: str) -> Iterator[Any]:
        """Yields what a listing shows, page by page; one that would never end is a ValueError."""
        options, seen = self._options(), set()
        listing = client.client(self._limits).list_blobs(
            self.bucket, prefix=prefix, fields=f"items({fields}),nextPageToken", page_size=PAGE, **options
        )
        for page in listing.pages:
            yield from page
            if listing.next_page_token in seen:
                raise ValueError("the listing comes to the same page again")
            seen.add(listing.next_page_token)

    def _require_bucket(self) -> None:
        """Raises NotFound if the bucket is what is missing; objectUser may list it, but not get it."""
        list(
            client.client(self._limits).list_blobs(
                self.bucket, max_results=1, fields="items(name)", **self._options()
            )
        )

    def _blob(self, name: str, **kwargs: Any) -> Any:
        return client.client(self._limits).bucket(self.bucket).blob(name, **kwargs)

    def _options(self, size: int = 0) -> dict[str, Any]:
        return _options(self._limits.for_bytes(size))


def _options(limits: Limits) -> dict[str, Any]:
    return {"timeout": limits.timeout, "retry": client.retry(limits)}


def checksum(stream: IO[bytes], size: int | None = None) -> str:
    """Returns the CRC-32C of a stream's first ``size`` bytes (None: all) as Cloud Storage writes it."""
    stream.seek(0)
    sum_, left = google_crc32c.Checksum(), size
    while block := stream.read(_READ_BLOCK if left is None else min(_READ_BLOCK, left)):
        sum_.update(block)
        left = None if left is None else left - len(block)
    return base64.b64encode(sum_.digest()).decode()


def _verify(stream: IO[bytes], expected: str) -> None:
    from google.cloud.storage.exceptions import DataCorruption

    found = checksum(stream)
    if found != expected:
        raise DataCorruption(None, f"expected the CRC-32C {expected}, found {found}")


def _entry(blob: Any) -> Entry:
    """Returns what a whole answer says of an object; one that lacks something is a ValueError."""
    if None in (blob.size, blob.crc32c, blob.generation):
        raise ValueError("expected the size, the checksum and the generation of an object")
    return Entry(blob.name, int(blob.size), blob.crc32c, int(blob.generation), blob.content_encoding or "")
