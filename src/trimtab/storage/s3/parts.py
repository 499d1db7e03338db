"""A large object, sent in parts: what breaks off is sent again alone; nothing is there before all are.

Source: "Uploading and copying objects using multipart upload" and "Checking object integrity", Amazon S3 User
Guide.
"""

from __future__ import annotations

import contextlib
import io
import math
from urllib.parse import unquote_plus
from xml.sax.saxutils import escape

from trimtab.storage.objects.base import Entry, checksum
from trimtab.storage.s3 import answers
from trimtab.storage.s3.client import Body, Client, DamagedError, PassingError, RefusedError, Request, tried
from trimtab.storage.s3.credentials import NoCredentialsError
from trimtab.storage.s3.new import New

FROM_BYTES, PART_BYTES = 100_000_000, 32 * 2**20
LARGEST_BYTES = 5 * 2**40
GONE = "NoSuchUpload"
_MOST_PARTS, _BLOCK = 10_000, 8 * 2**20
_LAST_SECONDS = 6.0
_FAILURES = (RefusedError, PassingError, DamagedError, NoCredentialsError)


def send(client: Client, new: New) -> Entry:
    """Sends an object's parts, and makes it of them; what ends before that leaves no parts.

    An upload of the same object that had begun before this one, as of a process that was killed, is ended
    when this one has won: what it would replace is no longer there.

    Args:
        client: Of the bucket.
        new: What is written.

    Raises:
        RefusedError: 412, or 404, if what it replaces is not there any more; ``NoSuchUpload`` if another one
            ended it, or if it was completed by an attempt whose answer was lost.
        PassingError, DamagedError: If one request kept failing.
    """
    upload = _begun(client, new)
    try:
        older = _others(client, new, upload)
        stored = _completed(client, new, upload, _sent(client, new, upload))
    except BaseException:
        _end(client, new, upload)
        raise
    for other in older:
        _end(client, new, other)
    return stored


def _begun(client: Client, new: New) -> str:
    """Returns the id of a new upload; one more stays behind where an answer was lost, see ``_others``."""
    headers = {**new.headers, "x-amz-checksum-algorithm": "CRC32C"}
    request = Request("POST", new.name, {"uploads": ""}, headers)

    def attempt() -> str:
        tree = answers.parsed(client.answer(request).content, "InitiateMultipartUploadResult")
        if not (upload := answers.text(tree, "UploadId")):
            raise PassingError("expected the id of an upload")
        return upload

    return tried(client.limits, attempt)


def _others(client: Client, new: New, upload: str) -> list[str]:
    """Returns the uploads of this object that began before; none where that may not be asked."""
    query = {"uploads": "", "prefix": new.name, "encoding-type": "url"}
    with contextlib.suppress(*_FAILURES):
        tree = answers.parsed(
            client.answer(Request("GET", query=query)).content, "ListMultipartUploadsResult"
        )
        plain = unquote_plus if answers.text(tree, "EncodingType") == "url" else str
        found = [node for node in tree if answers.tag(node) == "Upload"]
        ours = [node for node in found if plain(answers.text(node, "Key")) == new.name]
        return [other for node in ours if (other := answers.text(node, "UploadId")) != upload]
    return []


def _sent(client: Client, new: New, upload: str) -> list[str]:
    """Sends all parts; returns how each is named in what makes an object of them."""
    size = max(PART_BYTES, math.ceil(new.size / _MOST_PARTS))
    starts = enumerate(range(0, new.size, size), start=1)
    return [_part(client, new, upload, n, Body(new.stream, min(size, new.size - at), at)) for n, at in starts]


def _part(client: Client, new: New, upload: str, number: int, body: Body) -> str:
    crc32c, limits = checksum(body.stream, body.size, body.start), client.limits
    query = {"partNumber": str(number), "uploadId": upload}
    request = Request("PUT", new.name, query, {"x-amz-checksum-crc32c": crc32c}, body)

    def attempt() -> str:
        answer = client.answer(request, limits.for_block(min(body.size, _BLOCK)))
        return new.stored(answer.headers.get("ETag")).generation

    etag = tried(limits.for_bytes(body.size), attempt)
    named = {"PartNumber": str(number), "ETag": etag, "ChecksumCRC32C": crc32c}
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in named.items())


def _completed(client: Client, new: New, upload: str, parts: list[str]) -> Entry:
    """Makes the object, if what it replaces is still there."""
    listed = "".join(f"<Part>{part}</Part>" for part in parts)
    content = (
        f'<CompleteMultipartUpload xmlns="{answers.NAMESPACE}">{listed}</CompleteMultipartUpload>'.encode()
    )
    body = Body(io.BytesIO(content), len(content))
    headers = {**new.condition, "Content-Type": "application/xml"}
    request = Request("POST", new.name, {"uploadId": upload}, headers, body)

    def attempt() -> Entry:
        answer = client.answer(request, client.limits.for_block(_BLOCK))
        # It may fail after its status was sent: then an error's document follows.
        return new.stored(
            answers.text(answers.parsed(answer.content, "CompleteMultipartUploadResult"), "ETag")
        )

    return tried(client.limits.for_bytes(PART_BYTES), attempt)


def _end(client: Client, new: New, upload: str) -> None:
    """Lets the store throw an upload's parts away, if it can be reached; a rule of the bucket does, else."""
    with contextlib.suppress(*_FAILURES):
        request = Request("DELETE", new.name, {"uploadId": upload}, expected=(204,))
        client.answer(request, client.limits.within(_LAST_SECONDS))
