"""S3's API over a real socket, in memory, as strict as the real one with what is damaged on its way.

moto's server takes wrong checksums and any signature, so no test of faults can be held by it; it is the
second server of ``tests/storage/s3``. This one follows Amazon's reference, and what SeaweedFS was seen to do:
conditional writes and deletions (412, or 404 where there is no object), SHA-256 of payloads, CRC-32C, ranges,
pages, names encoded in listings.
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import re
import sys
import threading
import uuid
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import google_crc32c

KEY_ID, SECRET = "AKIAPLANTED", "planted-secret-of-the-emulator"


@dataclass(frozen=True)
class Stored:
    """An object."""

    content: bytes
    headers: dict[str, str]
    etag: str


class S3Error(Exception):
    """An error of the API."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


@dataclass
class Upload:
    """An object that is sent in parts."""

    name: str
    meta: dict[str, str]
    parts: dict[int, bytes]


def etag_of(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


class Buckets:
    """The state, changed by one request at a time."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Stored]] = {}
        self.uploads: dict[str, Upload] = {}
        self.smallest_part = 5 * 2**20
        self.denied: set[str] = set()
        self.lock = threading.RLock()

    def take(self, bucket: str, objects: dict[str, Stored]) -> None:
        """Begins with the objects of another emulator."""
        self.objects[bucket] = dict(objects)

    def bucket(self, name: str) -> dict[str, Stored]:
        if name in self.denied:
            raise S3Error(403, "AccessDenied")
        if name not in self.objects:
            raise S3Error(404, "NoSuchBucket")
        return self.objects[name]

    def get(self, bucket: str, name: str) -> Stored:
        found = self.bucket(bucket).get(name)
        if found is None:
            raise S3Error(404, "NoSuchKey")
        return found

    def check(self, bucket: str, name: str, headers) -> None:
        there = self.bucket(bucket).get(name)
        wanted = headers.get("If-Match")
        if wanted and there is None:
            raise S3Error(404, "NoSuchKey")
        if (wanted and there.etag != wanted) or (headers.get("If-None-Match") == "*" and there is not None):
            raise S3Error(412, "PreconditionFailed")

    def put(self, bucket: str, meta: dict[str, str], content: bytes, headers=None) -> Stored:
        """Stores an object; ``meta`` is its name, and headers that are kept."""
        name, kept = meta["name"], {key: value for key, value in meta.items() if key != "name"}
        with self.lock:
            self.check(bucket, name, headers or {})
            self.bucket(bucket)[name] = Stored(content, kept, kept.pop("etag", etag_of(content)))
            return self.objects[bucket][name]

    def upload(self, identity: str, name: str) -> Upload:
        found = self.uploads.get(identity)
        if found is None or found.name != name:
            raise S3Error(404, "NoSuchUpload")
        return found

    def complete(self, bucket: str, identity: str, listed: list[tuple[int, str, str]], headers) -> Stored:
        """Makes an object of parts: ``listed`` has number, ETag and checksum of each."""
        with self.lock:
            upload = self.upload(identity, headers["name"])
            contents = [upload.parts.get(number) for number, *_ in listed]
            for content, (_, etag, sum_) in zip(contents, listed, strict=True):
                if content is None or (etag, sum_) != (etag_of(content), crc32c(content)):
                    raise S3Error(400, "InvalidPart")
            if any(len(content) < self.smallest_part for content in contents[:-1]):
                raise S3Error(400, "EntityTooSmall")
            of_all = hashlib.md5(b"".join(hashlib.md5(c).digest() for c in contents)).hexdigest()
            told = f"{crc32c(b''.join(google_crc32c.Checksum(c).digest() for c in contents))}-{len(contents)}"
            meta = {**upload.meta, "etag": f'"{of_all}-{len(contents)}"', "x-amz-checksum-crc32c": told}
            stored = self.put(bucket, {"name": upload.name, **meta}, b"".join(contents), headers)
            del self.uploads[identity]
            return stored

    def delete(self, bucket: str, name: str, headers) -> None:
        with self.lock:
            self.check(bucket, name, headers or {})
            self.bucket(bucket).pop(name, None)

    def page(self, bucket: str, prefix: str, after: str, limit: int) -> tuple[list[str], str]:
        with self.lock:
            names = sorted(name for name in self.bucket(bucket) if name.startswith(prefix))
            start = bisect.bisect_right(names, after) if after else 0
            chosen = names[start : start + limit]
            return chosen, chosen[-1] if start + limit < len(names) else ""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: S3Emulator

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if status != 204:
            lines.append(f"Content-Length: {len(content)}")
        body = b"" if self.command == "HEAD" else content
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def serve(self) -> None:
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        except OSError:
            return
        url = urlsplit(self.path)
        bucket, _, name = unquote(url.path[1:]).partition("/")
        self.server.count(self.command, self.path)
        try:
            self.authorize(body)
            query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
            if "uploads" in query or "uploadId" in query:
                self.in_parts(bucket, name, query, body)
            elif not name:
                self.list(bucket, query)
            elif self.command == "PUT":
                self.put(bucket, name, body)
            elif self.command == "DELETE":
                self.server.state.delete(bucket, name, self.headers)
                self.answer(204)
            else:
                self.get(bucket, name)
        except S3Error as refused:
            content = f"<Error><Code>{refused.code}</Code><Message>…</Message></Error>".encode()
            self.answer(refused.status, content, {"Content-Type": "application/xml"})

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def authorize(self, body: bytes) -> None:
        """Refuses what is signed by nobody, or for another payload."""
        signature = self.headers.get("Authorization", "")
        if not signature.startswith(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/"):
            raise S3Error(403, "InvalidAccessKeyId" if signature else "AccessDenied")
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            raise S3Error(400, "XAmzContentSHA256Mismatch")

    def put(self, bucket: str, name: str, body: bytes) -> None:
        told = self.headers.get("x-amz-checksum-crc32c")
        if told not in (None, crc32c(body)):
            raise S3Error(400, "BadDigest")
        kept = {key.lower(): v for key, v in self.headers.items() if key.lower().startswith("x-amz-meta-")}
        kept |= {"content-type": self.headers.get("Content-Type", "binary/octet-stream")}
        if told:
            kept["x-amz-checksum-crc32c"] = told
        stored = self.server.state.put(bucket, {"name": name, **kept}, body, self.headers)
        self.answer(200, headers={"ETag": stored.etag})

    def in_parts(self, bucket: str, name: str, query: dict[str, str], body: bytes) -> None:
        state, identity = self.server.state, query.get("uploadId", "")
        state.bucket(bucket)
        if self.command == "GET":
            rows = "".join(
                f"<Upload><Key>{quote_plus(upload.name, safe='/')}</Key><UploadId>{key}</UploadId></Upload>"
                for key, upload in state.uploads.items()
                if upload.name.startswith(query["prefix"])
            )
            self.document("ListMultipartUploadsResult", f"<EncodingType>url</EncodingType>{rows}")
        elif self.command == "POST" and not identity:
            kept = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
            identity = uuid.uuid4().hex
            state.uploads[identity] = Upload(name, kept | {"content-type": self.headers["Content-Type"]}, {})
            self.document("InitiateMultipartUploadResult", f"<UploadId>{identity}</UploadId>")
        elif self.command == "POST":
            nodes = [[child.text for child in part] for part in ElementTree.fromstring(body)]
            listed = [(int(number), etag, sum_) for number, etag, sum_ in nodes]
            stored = state.complete(bucket, identity, listed, {**self.headers, "name": name})
            self.document("CompleteMultipartUploadResult", f"<ETag>{escape(stored.etag)}</ETag>")
        elif self.command == "PUT":
            if self.headers["x-amz-checksum-crc32c"] != crc32c(body):
                raise S3Error(400, "BadDigest")
            state.upload(identity, name).parts[int(query["partNumber"])] = body
            self.answer(200, headers={"ETag": etag_of(body)})
        else:
            state.upload(identity, name)
            del state.uploads[identity]
            self.answer(204)

    def document(self, root: str, rows: str) -> None:
        xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"
        text = f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{xmlns}">{rows}</{root}>'
        self.answer(200, text.encode(), {"Content-Type": "application/xml"})

    def get(self, bucket: str, name: str) -> None:
        state = self.server.state
        with state.lock:
            stored = state.get(bucket, name)
            state.check(bucket, name, self.headers)
        modes = {} if self.headers.get("x-amz-checksum-mode") else {"x-amz-checksum-crc32c"}
        headers = {key: value for key, value in stored.headers.items() if key not in modes}
        headers |= {"ETag": stored.etag, "Last-Modified": formatdate(usegmt=True)}
        ranged = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if ranged is None:
            return self.answer(200, stored.content, headers)
        start, size = int(ranged[1]), len(stored.content)
        if start >= size:
            raise S3Error(416, "InvalidRange")
        headers.pop("x-amz-checksum-crc32c", None)  # it is of the whole
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        return self.answer(206, stored.content[start:], headers)

    def list(self, bucket: str, query: dict[str, str]) -> None:
        limit = min(int(query.get("max-keys", 1000)), 1000)
        names, token = self.server.state.page(
            bucket, query.get("prefix", ""), query.get("continuation-token", ""), limit
        )
        known = self.server.state.objects[bucket]
        rows = "".join(
            f"<Contents><Key>{escape(quote_plus(name, safe='/'))}</Key>"
            f"<LastModified>2026-11-26T10:00:00.000Z</LastModified>"
            f"<ETag>{escape(known[name].etag)}</ETag><Size>{len(known[name].content)}</Size></Contents>"
            for name in names
        )
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        told = f"<EncodingType>url</EncodingType><KeyCount>{len(names)}</KeyCount>"
        self.document(
            "ListBucketResult", f"{told}<IsTruncated>{str(bool(token)).lower()}</IsTruncated>{more}{rows}"
        )


class S3Emulator(ThreadingHTTPServer):
    """The server; ``with S3Emulator("bucket") as emulator: emulator.url``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *buckets: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = Buckets()
        self.requests: list[str] = []
        self.state.objects = {bucket: {} for bucket in buckets}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, method: str, path: str) -> None:
        self.requests.append(f"{method} {path}")

    def contents(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """Returns what is stored, by name."""
        with self.state.lock:
            return {n: s.content for n, s in self.state.objects[bucket].items() if n.startswith(prefix)}

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing about a client that went away: that is what these tests are about."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def __enter__(self) -> S3Emulator:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
