"""The objects of a bucket of S3.

A write names what it replaces by its ETag (``If-Match``; ``If-None-Match: *`` where there is none), and
carries a token in the object's metadata, as one of Cloud Storage's does. An ETag is a digest of the content:
it tells contents apart, not writes. So a request that arrives late could undo what came after it only where
the content is again what it was before; what trimtab swaps has a history, a time or a random name in it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from trimtab.errors import ArtifactError, StorageError
from trimtab.storage.objects.base import NOTHING, Entry, StoreKind, checksum
from trimtab.storage.objects.limits import Limits
from trimtab.storage.s3 import endpoint, listing, parts
from trimtab.storage.s3.client import (
    AGAIN,
    Body,
    Client,
    DamagedError,
    PassingError,
    RefusedError,
    Request,
    tried,
    typed_errors,
    unbroken,
)
from trimtab.storage.s3.new import CRC32C, New

_CHECKSUM, _CHECKED = "x-amz-checksum-crc32c", {"x-amz-checksum-mode": "ENABLED"}
_SENT_BLOCK, _READ_BLOCK = 8 * 2**20, 2**20
_NEVER = '"00000000000000000000000000000000"'


class S3Objects:
    """The objects of ``s3://BUCKET``; see ``Objects``.

    Args:
        scheme: ``s3`` or ``minio``.
        bucket: The bucket's name; it exists.
        limits: How patient to be.
    """

    def __init__(self, scheme: str, bucket: str, limits: Limits) -> None:
        self._root, self._limits = f"{scheme}://{bucket}", limits
        self._client = Client(scheme, bucket, limits)

    def uri(self, name: str) -> str:
        """See ``Objects``."""
        return f"{self._root}/{name}"

    def names(self, prefix: str) -> list[str]:
        """See ``Objects``."""
        return [entry.name for entry in self.entries(prefix)]

    def entries(self, prefix: str) -> list[Entry]:
        """See ``Objects``."""
        with typed_errors(self.uri(prefix)):
            return sorted(listing.entries(self._client, prefix), key=lambda entry: entry.name)

    def find(self, name: str) -> Entry | None:
        """See ``Objects``."""
        with typed_errors(self.uri(name)):
            headers = self._head(name)
            return None if headers is None else _entry(name, headers)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """See ``Objects``."""
        buffer = io.BytesIO()
        with typed_errors(self.uri(name)):
            try:
                entry = self._fetch(Entry(name, 0, ""), buffer)
            except RefusedError as error:
                self._require_missing(error)
                return None
        return buffer.getvalue(), entry.generation

    def write(self, name: str, data: bytes, generation: str) -> Entry | None:
        """See ``Objects``."""
        return self._send(name, io.BytesIO(data), len(data), generation)

    def upload(self, name: str, file: Path, generation: str) -> Entry | None:
        """See ``Objects``; what is large goes in parts."""
        with file.open("rb") as handle:
            return self._send(name, handle, file.stat().st_size, generation)

    def download(self, entry: Entry, target: Path) -> None:
        """See ``Objects``."""
        with typed_errors(self.uri(entry.name)):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with target.open("w+b") as file:
                    self._fetch(entry, file)
            except RefusedError as error:
                if error.status != 412:
                    self._require_missing(error)
                raise ArtifactError(
                    "this object has gone, or was replaced while it was read",
                    path=self.uri(entry.name),
                    hint="Run this again when nothing writes there.",
                ) from error

    def delete(self, name: str, generation: str) -> None:
        """See ``Objects``."""
        request = Request("DELETE", name, headers={"If-Match": generation}, expected=(204,))
        with typed_errors(self.uri(name)):
            try:
                tried(self._limits, lambda: self._client.answer(request))
            except RefusedError as error:
                if error.status != 412:  # another writer's newer content stays
                    self._require_missing(error)

    def check_writable(self, name: str) -> None:
        """See ``Objects``: asks to replace what never was, which only one who may write is told."""
        self.write(name, b"", _NEVER)

    def _send(self, name: str, stream: IO[bytes], size: int, generation: str) -> Entry | None:
        if size > parts.LARGEST_BYTES:
            most = parts.LARGEST_BYTES / 1e12
            told = f"it has {size / 1e12:,.1f} TB, and an object of S3 {most:,.1f} TB at most"
            raise StorageError(told, path=self.uri(name), hint="Split it.")
        new = New(name, stream, size, generation)
        with typed_errors(self.uri(name)):
            try:
                return self._in_parts(new) if size >= parts.FROM_BYTES else self._at_once(new)
            except DamagedError as error:
                raise StorageError(f"it kept failing: {error}", path=self.uri(name), hint=AGAIN) from error

    def _at_once(self, new: New) -> Entry | None:
        """Sends an object by one request."""
        headers = {**new.headers, **new.condition, _CHECKSUM: new.crc32c}
        request = Request("PUT", new.name, headers=headers, body=Body(new.stream, new.size))
        limits = self._limits.for_block(min(new.size, _SENT_BLOCK))

        def attempt() -> Entry | None:
            try:
                return new.stored(self._client.answer(request, limits).headers.get("ETag"))
            except RefusedError as error:
                return self._after_refusal(new, error)

        return tried(self._limits.for_bytes(new.size), attempt)

    def _in_parts(self, new: New) -> Entry | None:
        try:
            return parts.send(self._client, new)
        except RefusedError as error:
            return self._after_refusal(new, error)

    def _after_refusal(self, new: New, error: RefusedError) -> Entry | None:
        """Returns what an attempt before stored, whose answer was lost, or None if another writer won."""
        if error.status != 412 and error.code != parts.GONE:
            self._require_missing(error)
            return None  # it was removed meanwhile
        there = self._head(new.name) or {}
        if new.is_in(there):
            return new.stored(there.get("ETag"))
        if error.code == parts.GONE and there.get("ETag", NOTHING) == new.generation:
            raise PassingError("somebody ended its upload, perhaps a rule of the bucket") from error
        return None

    def _fetch(self, entry: Entry, target: IO[bytes]) -> Entry:
        """Writes an object's content to an empty file, and returns what it is; broken off, it goes on."""
        received = _Received(entry)

        def attempt() -> Entry:
            received.go_on(self._client, target)
            return received.verified(target)

        return tried(self._limits.for_bytes(entry.size), attempt)

    def _head(self, name: str) -> Mapping[str, str] | None:
        """Returns the headers of an object, or None if there is none."""

        def attempt() -> Mapping[str, str]:
            response = self._client.answer(Request("HEAD", name, headers=_CHECKED))
            headers: Mapping[str, str] = response.headers
            _entry(name, headers)
            return headers

        try:
            return tried(self._limits, attempt)
        except RefusedError as error:
            self._require_missing(error)
            return None

    def _require_missing(self, error: RefusedError) -> None:
        """Returns if an object is what is missing; raises if the bucket is, or if it is something else."""
        if error.status != 404 or error.code not in ("", "NoSuchKey"):
            raise error
        if not error.code:  # HEAD tells no more than that
            list(listing.entries(self._client, "", most=1))


class _Received:
    """What has come of an object's content, over as many connections as it takes."""

    def __init__(self, entry: Entry) -> None:
        self._wanted, self._headers, self._size = entry, dict[str, str](), 0

    def go_on(self, client: Client, target: IO[bytes]) -> None:
        """Asks for the rest of the content, of the very object that the beginning is of."""
        start = target.seek(0, io.SEEK_END)
        generation = self._headers.get("etag") or self._wanted.generation
        headers = {**_CHECKED, **({"If-Match": generation} if generation else {})}
        if start:
            headers["Range"] = f"bytes={start}-"
        request = Request("GET", self._wanted.name, headers=headers, expected=(200, 206), streamed=True)
        try:
            answer = client.answer(request)
        except RefusedError as error:
            if error.status == 412 and not self._wanted.generation:
                self._forget(target)
                raise PassingError("it was replaced while it was read") from error
            raise
        self._begin(answer, start, target)
        with unbroken():
            while block := answer.raw.read(_READ_BLOCK):
                target.write(block)
        if (there := target.tell()) != self._size:
            raise PassingError(f"expected {self._size} bytes, {there} arrived")

    def _forget(self, target: IO[bytes]) -> None:
        target.seek(0)
        target.truncate()
        self._headers, self._size = {}, 0

    def _begin(self, answer: Any, start: int, target: IO[bytes]) -> None:
        if not start or answer.status_code == 200:  # from the beginning, whether that was asked for or not
            target.seek(0)
            target.truncate()
            entry = _entry(self._wanted.name, answer.headers)
            self._headers, self._size = {n.lower(): v for n, v in answer.headers.items()}, entry.size
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise PassingError(f"expected the bytes from {start} on")

    def verified(self, target: IO[bytes]) -> Entry:
        """Returns the object, if the content is its content; else what is there is thrown away.

        Raises:
            DamagedError: If it is not.
        """
        entry = _entry(self._wanted.name, self._headers)
        ours = checksum(target) if self._wanted.crc32c else ""
        if ours == self._wanted.crc32c and _is_intact(target, self._headers):
            return entry
        self._forget(target)
        raise DamagedError("the content has another checksum")


def _entry(name: str, headers: Mapping[str, str]) -> Entry:
    """Returns what an answer says of an object; one without an ETag is not S3's."""
    plain = {key.lower(): value for key, value in headers.items()}
    if not plain.get("etag") or not plain.get("content-length", "").isdigit():
        raise PassingError("expected an answer of S3, found something else: is a proxy in between?")
    # Ours first: the server's may be one of the checksums of parts; in most, it ends with their number then.
    told = (plain.get(header, "") for header in (CRC32C, _CHECKSUM))
    crc32c = next((sum_ for sum_ in told if sum_ and "-" not in sum_), "")
    encoding = plain.get("content-encoding", "")
    return Entry(name, int(plain["content-length"]), crc32c, plain["etag"], encoding)


def _is_intact(stream: IO[bytes], headers: Mapping[str, str]) -> bool:
    """Returns whether a content is what the first checksum says that is told of it whole.

    One that was sent in parts, or is encrypted with a key of the user's, may have none: TLS and the length
    are all that guards it then.
    """
    plain = _entry("", headers)
    if plain.crc32c:
        return checksum(stream) == plain.crc32c
    for header, digest in (("x-amz-checksum-sha256", _sha256), ("x-amz-checksum-crc32", _crc32)):
        told = headers.get(header, "")
        if told and "-" not in told:
            return digest(stream) == told
    if re.fullmatch('"[0-9a-f]{32}"', plain.generation) and not _is_opaque(headers):
        return _digest(stream, _md5).hex() == plain.generation.strip('"')
    return True


def _is_opaque(headers: Mapping[str, str]) -> bool:
    """Returns whether the ETag is no MD5 of the content: it is encrypted by other keys than S3's own."""
    kms = headers.get("x-amz-server-side-encryption", "").startswith("aws:")
    return kms or "x-amz-server-side-encryption-customer-algorithm" in headers


def _digest(stream: IO[bytes], of: Any) -> bytes:
    stream.seek(0)
    digest = of()
    while block := stream.read(_READ_BLOCK):
        digest.update(block)
    return bytes(digest.digest())


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _sha256(stream: IO[bytes]) -> str:
    return base64.b64encode(_digest(stream, hashlib.sha256)).decode()


def _crc32(stream: IO[bytes]) -> str:
    stream.seek(0)
    sum_ = 0
    while block := stream.read(_READ_BLOCK):
        sum_ = zlib.crc32(block, sum_)
    return base64.b64encode(sum_.to_bytes(4, "big")).decode()


STORE = StoreKind(
    S3Objects,
    bucket=re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    variables=(
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
        *(
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_ENDPOINT_URL_STS",
        ),
        *endpoint.VARIABLES,
        *(f"{name}_SERVICE_HOST" for name in endpoint.IN_CLUSTER),
    ),
    endpoint=endpoint.VARIABLES,
    files={
        "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
        "AWS_CONFIG_FILE": "~/.aws/config",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "",
        "REQUESTS_CA_BUNDLE": "",
    },
)
