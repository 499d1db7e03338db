"""The objects of a bucket of Google Cloud Storage.

A write names the generation that it replaces (0: none), and carries a token. That makes it safe to repeat: of
an attempt that stalled and its repetition one takes effect, a late one never overwrites what came after it,
and a repetition that is refused knows by the token whether the attempt before it had already succeeded.
"""

from __future__ import annotations

import io
import mimetypes
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from trimtab.errors import ArtifactError, StorageError
from trimtab.storage.gcs import client
from trimtab.storage.objects.base import NOTHING, Entry, StoreKind, checksum
from trimtab.storage.objects.limits import Limits
from trimtab.storage.parallel import WORKERS

PAGE = 1000
UPLOAD_BLOCK = 8 * 2**20
SLICED_FROM, SLICE = 32 * 2**20, 16 * 2**20
_TOKEN = "trimtab-write"
_NEVER = "1"  # generations are microseconds since 1970
# A checksum that the server refuses, a session that it has lost, an answer that does not say what it must.
_DAMAGED_UPLOAD = (400, 404, 410, 200, 308)


class GcsObjects:
    """The objects of ``gs://BUCKET``; see ``Objects``.

    Args:
        scheme: ``gs``.
        bucket: The bucket's name; it exists.
        limits: How patient to be.
    """

    def __init__(self, scheme: str, bucket: str, limits: Limits) -> None:
        self.scheme, self.bucket, self._limits = scheme, bucket, limits

    def uri(self, name: str) -> str:
        """See ``Objects``."""
        return f"{self.scheme}://{self.bucket}/{name}"

    def names(self, prefix: str) -> list[str]:
        """See ``Objects``; pages of names alone."""
        with client.typed_errors(self.uri(prefix)):
            return client.intact(lambda: [blob.name for blob in self._pages(prefix, "name")])

    def entries(self, prefix: str) -> list[Entry]:
        """See ``Objects``."""
        with client.typed_errors(self.uri(prefix)):
            return client.intact(
                lambda: [
                    _entry(blob)
                    for blob in self._pages(prefix, "name,size,crc32c,generation,contentEncoding")
                ]
            )

    def find(self, name: str) -> Entry | None:
        """See ``Objects``."""
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

    def read(self, name: str) -> tuple[bytes, str] | None:
        """See ``Objects``."""
        from google.api_core.exceptions import NotFound

        def attempt() -> tuple[bytes, str]:
            buffer, blob = io.BytesIO(), self._blob(name)
            blob.download_to_file(buffer, raw_download=True, checksum="crc32c", **self._options())
            if blob.crc32c is None or blob.generation is None:
                # A broken download that went on may have no checksum in its last answer; emulators have none.
                blob.reload(if_generation_match=blob.generation, **self._options())
                _entry(blob)
            _verify(buffer, blob.crc32c)
            return buffer.getvalue(), str(blob.generation)

        with client.typed_errors(self.uri(name)):
            try:
                return client.intact(attempt)
            except NotFound:
                self._require_bucket()
                return None

    def write(self, name: str, data: bytes, generation: str) -> Entry | None:
        """See ``Objects``."""
        return self._send(name, io.BytesIO(data), len(data), generation)

    def upload(self, name: str, file: Path, generation: str) -> Entry | None:
        """See ``Objects``."""
        with file.open("rb") as handle:
            return self._send(name, handle, file.stat().st_size, generation)

    def download(self, entry: Entry, target: Path) -> None:
        """See ``Objects``; a large object comes in parallel slices."""
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

    def delete(self, name: str, generation: str) -> None:
        """See ``Objects``."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with client.typed_errors(self.uri(name)):
            try:
                client.intact(
                    lambda: self._blob(name).delete(
                        if_generation_match=_number(generation), **self._options()
                    )
                )
            except NotFound:
                self._require_bucket()
            except PreconditionFailed:
                pass  # another writer's newer content stays

    def check_writable(self, name: str) -> None:
        """See ``Objects``: asks to replace what never was, which only one who may write is told."""
        self.write(name, b"", _NEVER)

    def _send(self, name: str, stream: IO[bytes], size: int, generation: str) -> Entry | None:
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
                    if_generation_match=_number(generation),
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
            return Entry(name, size, crc32c, str(blob.generation), written=_written(blob))

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

        blob = self._blob(entry.name, generation=_number(entry.generation) or None)
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


def _verify(stream: IO[bytes], expected: str) -> None:
    from google.cloud.storage.exceptions import DataCorruption

    crc32c = checksum(stream)
    if crc32c != expected:
        raise DataCorruption(None, f"expected the CRC-32C {expected}, found {crc32c}")


def _entry(blob: Any) -> Entry:
    """Returns what a whole answer says of an object; one that lacks something is a ValueError."""
    if None in (blob.size, blob.crc32c, blob.generation):
        raise ValueError("expected the size, the checksum and the generation of an object")
    generation, encoding = str(blob.generation), blob.content_encoding or ""
    return Entry(blob.name, int(blob.size), blob.crc32c, generation, encoding, _written(blob))


def _written(blob: Any) -> float:
    return int(blob.generation) / 1e6


def _number(generation: str) -> int:
    """Returns a generation as Cloud Storage writes it; 0: there is no such object."""
    return 0 if generation == NOTHING else int(generation)


STORE = StoreKind(
    GcsObjects,
    bucket=re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    variables=("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"),
    endpoint=("STORAGE_EMULATOR_HOST",),
    files={"GOOGLE_APPLICATION_CREDENTIALS": "~/.config/gcloud/application_default_credentials.json"},
)
