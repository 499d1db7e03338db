"""Cloud Storage's JSON API over a real socket, in memory: what google-cloud-storage needs, with its
strictness.

The PyPI package ``gcp-storage-emulator`` knows no generation preconditions and no pages, so it cannot show a
race or a long listing. This one follows googleapis/storage-testbench: generation preconditions (412), CRC-32C
of uploads (400), multipart and resumable uploads with persisted offsets (308), ranges, pages, partial
responses by ``fields``.

``python emulator.py BUCKET...`` serves until it is killed, and prints its URL first.
"""

from __future__ import annotations

import base64
import bisect
import email.parser
import email.policy
import itertools
import json
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

TOKEN = "ya29.planted-token-of-the-emulator"
_OBJECTS = re.compile(r"/(?P<kind>upload/|download/|)storage/v1/b/(?P<bucket>[^/]+)/o(?:/(?P<name>.+))?")


@dataclass
class Stored:
    """One generation of an object."""

    content: bytes
    meta: dict


@dataclass
class Session:
    """A resumable upload."""

    bucket: str
    meta: dict
    if_generation: str | None
    received: bytearray = field(default_factory=bytearray)
    done: dict | None = None


class ApiError(Exception):
    """An error of the API."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status, self.message = status, message


def crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


class Buckets:
    """The state, changed by one request at a time."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Stored]] = {}
        self.sorted: dict[str, list[str]] = {}
        self.denied: set[str] = set()
        self.sessions: dict[str, Session] = {}
        self.lock = threading.RLock()
        self._generations = itertools.count(1_700_000_000_000_000)

    def add(self, bucket: str) -> None:
        self.objects[bucket], self.sorted[bucket] = {}, []

    def take(self, bucket: str, objects: dict[str, Stored]) -> None:
        """Begins with the objects of another emulator; all that comes is newer."""
        self.objects[bucket], self.sorted[bucket] = dict(objects), sorted(objects)
        self._generations = itertools.count(1_800_000_000_000_000)

    def bucket(self, name: str) -> dict[str, Stored]:
        if name in self.denied:
            raise ApiError(403, "the caller does not have storage.objects access")
        if name not in self.objects:
            raise ApiError(404, "The specified bucket does not exist.")
        return self.objects[name]

    def get(self, bucket: str, name: str, generation: str | None = None) -> Stored:
        found = self.bucket(bucket).get(name)
        if found is None or generation not in (None, found.meta["generation"]):
            raise ApiError(404, f"No such object: {bucket}/{name}")
        return found

    def check(self, bucket: str, name: str, if_generation: str | None) -> None:
        found = self.bucket(bucket).get(name)
        if if_generation is not None and if_generation != (found.meta["generation"] if found else "0"):
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.")

    def put(self, bucket: str, meta: dict, content: bytes, if_generation: str | None = None) -> dict:
        name, found = meta["name"], crc32c(content)
        if meta.get("crc32c") not in (None, found):
            raise ApiError(400, f"Provided CRC32C {meta['crc32c']} doesn't match calculated CRC32C {found}.")
        with self.lock:
            self.check(bucket, name, if_generation)
            known = self.bucket(bucket)
            if name not in known:
                bisect.insort(self.sorted[bucket], name)
            whole = {
                "kind": "storage#object",
                **meta,
                "bucket": bucket,
                "crc32c": found,
                "size": str(len(content)),
            }
            known[name] = Stored(
                content, {**whole, "generation": str(next(self._generations)), "metageneration": "1"}
            )
            return known[name].meta

    def delete(self, bucket: str, name: str, if_generation: str | None) -> None:
        with self.lock:
            self.get(bucket, name)
            self.check(bucket, name, if_generation)
            del self.objects[bucket][name]
            self.sorted[bucket].remove(name)

    def page(self, bucket: str, prefix: str, after: str, limit: int) -> tuple[list[dict], str | None]:
        with self.lock:
            known, names = self.bucket(bucket), self.sorted[bucket]
            start = bisect.bisect_right(names, after) if after else bisect.bisect_left(names, prefix)
            end = bisect.bisect_left(names, prefix + "\U0010ffff") if prefix else len(names)
            chosen = names[start : min(end, start + limit)]
            return [known[name].meta for name in chosen], chosen[-1] if start + limit < end else None


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Emulator

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if status != 204:
            lines.append(f"Content-Length: {len(content)}")
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)

    def json(self, value: object, headers: dict[str, str] | None = None) -> None:
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def serve(self) -> None:
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        except OSError:
            return None
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        self.server.count(self.command, self.path)
        if url.path == "/token":  # where service accounts get one
            return self.json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})
        self.server.authorizations.add(self.headers.get("Authorization", ""))
        try:
            match = _OBJECTS.fullmatch(url.path)
            known = re.fullmatch(r"/storage/v1/b/([^/]+)", url.path)
            if known and self.command == "GET":
                self.server.state.bucket(known[1])
                return self.json(
                    {"kind": "storage#bucket", "name": known[1], "projectNumber": "1", "location": "EU"}
                )
            if match is None:
                raise ApiError(501, f"not emulated: {self.command} {url.path}")
            bucket, name = match["bucket"], unquote(match["name"] or "")
            if match["kind"] == "upload/":
                self.upload(bucket, body)
            elif not name:
                self.list(bucket)
            elif self.command == "DELETE":
                self.server.state.delete(bucket, name, self.query.get("ifGenerationMatch"))
                self.answer(204)
            elif self.query.get("alt") == "media":
                self.media(bucket, name)
            else:
                self.json(self.server.state.get(bucket, name, self.query.get("generation")).meta)
        except ApiError as refused:
            error = {"error": {"code": refused.status, "message": refused.message, "errors": []}}
            self.answer(refused.status, json.dumps(error).encode(), {"Content-Type": "application/json"})
        return None

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def list(self, bucket: str) -> None:
        limit = min(int(self.query.get("maxResults", 1000)), 1000)
        metas, token = self.server.state.page(
            bucket, self.query.get("prefix", ""), self.query.get("pageToken", ""), limit
        )
        wanted = re.search(r"items\(([^)]*)\)", self.query.get("fields", ""))
        if wanted:
            fields = wanted[1].split(",")
            metas = [{name: meta[name] for name in fields if name in meta} for meta in metas]
        self.json({"items": metas, **({"nextPageToken": token} if token else {})})

    def media(self, bucket: str, name: str) -> None:
        stored = self.server.state.get(bucket, name, self.query.get("generation"))
        headers = {
            "Content-Type": stored.meta.get("contentType", "application/octet-stream"),
            "X-Goog-Generation": stored.meta["generation"],
            "X-Goog-Metageneration": stored.meta["metageneration"],
            "X-Goog-Hash": f"crc32c={stored.meta['crc32c']}",
            "X-Goog-Stored-Content-Length": str(len(stored.content)),
            "X-Goog-Stored-Content-Encoding": stored.meta.get("contentEncoding", "identity"),
        }
        ranged = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if ranged is None:
            return self.answer(200, stored.content, headers)
        size, start = len(stored.content), int(ranged[1])
        end = min(int(ranged[2] or size - 1), size - 1)
        if start >= size:
            raise ApiError(416, "the range cannot be satisfied")
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return self.answer(206, stored.content[start : end + 1], headers)

    def upload(self, bucket: str, body: bytes) -> None:
        state, generation = self.server.state, self.query.get("ifGenerationMatch")
        if "upload_id" in self.query:
            return self.resume(self.query["upload_id"], body)
        if self.query["uploadType"] == "multipart":
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            meta, content = (
                email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body).get_payload()
            )
            boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
            assert boundary is not None
            raw = body.split(b"--" + boundary[1].encode(), 2)[2].partition(b"\r\n\r\n")[2]
            raw = raw.rsplit(b"\r\n--" + boundary[1].encode() + b"--", 1)[0]
            parsed = json.loads(meta.get_payload(decode=True))
            return self.json(
                state.put(bucket, {"contentType": content.get_content_type(), **parsed}, raw, generation)
            )
        meta = json.loads(body)
        state.check(bucket, meta["name"], generation)
        upload_id = f"session-{len(state.sessions)}"
        state.sessions[upload_id] = Session(bucket, meta, generation)
        place = f"http://{self.headers['Host']}{self.path}&upload_id={upload_id}"
        return self.answer(200, headers={"Location": place})

    def resume(self, upload_id: str, body: bytes) -> None:
        session = self.server.state.sessions.get(upload_id)
        if session is None:
            raise ApiError(404, "there is no such upload")
        if session.done is not None:
            return self.json(session.done)
        place = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", self.headers["Content-Range"])
        assert place is not None
        if place[1] is not None:
            start = int(place[1])
            if start > len(session.received):
                raise ApiError(503, "these bytes come too early")
            session.received += body[len(session.received) - start :]
        if place[3] != "*" and len(session.received) == int(place[3]):
            given = re.search(r"crc32c=([^,]+)", self.headers.get("X-Goog-Hash") or "")
            meta = {**session.meta, **({"crc32c": given[1]} if given else {})}
            session.done = self.server.state.put(
                session.bucket, meta, bytes(session.received), session.if_generation
            )
            return self.json(session.done)
        headers = {"Range": f"bytes=0-{len(session.received) - 1}"} if session.received else {}
        return self.answer(308, headers=headers)


class Emulator(ThreadingHTTPServer):
    """The server; ``with Emulator("bucket") as emulator: emulator.url``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *buckets: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = Buckets()
        self.requests: list[str] = []
        self.authorizations: set[str] = set()
        for bucket in buckets:
            self.state.add(bucket)

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

    def __enter__(self) -> Emulator:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


if __name__ == "__main__":
    server = Emulator(*sys.argv[1:])
    print(server.url, flush=True)
    server.serve_forever()
