"""A proxy that spoils the requests that a test tells it to, and passes on all others.

``proxy.spoil(Fault("reset", match="uploadType"), ...)``: each fault waits for ``times`` requests that match
it, in order.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal[
    "429",
    "503",
    "reset",
    "lost answer",
    "stall",
    "late",
    "truncate",
    "cut head",
    "html",
    "corrupt",
    "corrupt and truncate",
    "corrupt upload",
    "slow upload",
    "trickle",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
FOR_EVER = 10**9
_TRICKLE_SECONDS = 0.05
_SLOW_BLOCK, _SLOW_BLOCK_SECONDS = 2**18, 1 / 32


@dataclass
class Fault:
    """What happens to some requests.

    Attributes:
        kind: ``429``, ``503``: this answer, and the server sees nothing. ``reset``: the connection is reset
            before the server sees the request; ``lost answer``: after it did its work. ``stall``: no answer,
            and the server sees nothing; ``late``: no answer, and the server gets the request only after
            ``seconds``. ``truncate``: half of the answer's body, then the end; ``corrupt and truncate``: with
            a flipped bit in that half; ``cut head``: no more than the start of the answer's head. ``html``: a
            proxy's page, and the server sees nothing. ``corrupt``: one bit of the answer's body; ``corrupt
            upload``: of the request's. ``slow upload``: the request is taken at 8 MiB a second. ``trickle``:
            the answer's body byte by byte.
        match: A regular expression that must be found in ``METHOD path``.
        times: How many requests it spoils.
        every: Which of those that match: 3 for every third.
        seconds: How long a stall, a delay or a trickle lasts at most.
        seen: How many requests have matched.
    """

    kind: Kind
    match: str = ""
    times: int = 1
    seconds: float = 5.0
    every: int = 1
    seen: int = 0


class Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultProxy

    def log_message(self, *_: object) -> None:
        pass

    def serve(self) -> None:
        fault = self.server.next_fault(self.command, self.path)
        kind = fault.kind if fault else None
        body = self.read(slowly=kind == "slow upload")
        if kind == "reset":
            return self.reset()
        if fault and kind in ("stall", "late"):
            self.server.over.wait(fault.seconds)
            if kind == "late":
                self.forward(body)
            return self.reset()
        if kind in ("429", "503"):
            return self.answer(int(kind), [("Content-Type", "text/plain")], b"try again")
        if kind == "html":
            return self.answer(200, [("Content-Type", "text/html")], b"<html>Log in first</html>")
        if kind == "corrupt upload":
            body = flipped_upload(body)
        status, headers, content = self.forward(body)
        if kind == "lost answer":
            return self.reset()
        if kind == "cut head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            return self.reset(linger=True)
        if (
            fault is None
            or not content
            or kind not in ("corrupt", "corrupt and truncate", "truncate", "trickle")
        ):
            return self.answer(status, headers, content)
        if kind == "corrupt":
            return self.answer(status, headers, flipped(content))
        self.answer(
            status, headers, content[: len(content) // 2] if kind == "truncate" else b"", len(content)
        )
        if kind == "trickle":
            self.trickle(content, fault.seconds)
        return self.reset(linger=True)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def read(self, *, slowly: bool) -> bytes:
        left, blocks = int(self.headers.get("Content-Length") or 0), []
        while slowly and left > _SLOW_BLOCK:
            blocks.append(self.rfile.read(_SLOW_BLOCK))
            left -= _SLOW_BLOCK
            time.sleep(_SLOW_BLOCK_SECONDS)
        return b"".join([*blocks, self.rfile.read(left)])

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            upstream.close()

    def answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, length: int | None = None
    ) -> None:
        lines = [f"HTTP/1.1 {status} -", *(f"{n}: {v}" for n, v in headers if n.lower() != "content-length")]
        if self.command == "HEAD":  # the length of what GET would bring
            told = [value for name, value in headers if name.lower() == "content-length"]
            content, length = b"", int(told[0]) if told else len(content)
        if status != 204:
            lines.append(f"Content-Length: {len(content) if length is None else length}")
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)

    def trickle(self, content: bytes, seconds: float) -> None:
        end = time.monotonic() + seconds
        for byte in content:
            self.wfile.write(bytes([byte]))
            if time.monotonic() > end or self.server.over.wait(_TRICKLE_SECONDS):
                return

    def reset(self, *, linger: bool = False) -> None:
        self.close_connection = True
        if not linger:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class FaultProxy(ThreadingHTTPServer):
    """A proxy before one server; ``with FaultProxy(url) as proxy: proxy.url``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BLOCK)
        self.upstream = urlsplit(upstream).netloc
        self.over = threading.Event()
        self.spoiled: list[str] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spoil(self, *faults: Fault) -> None:
        """Replaces the faults to come."""
        with self._lock:
            self._faults, self.spoiled = list(faults), []

    def next_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and re.search(fault.match, f"{method} {path}"):
                    fault.seen += 1
                    if fault.seen % fault.every:
                        continue
                    fault.times -= 1
                    self.spoiled.append(f"{fault.kind}: {method} {path}")
                    return fault
        return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing about a connection that broke: that is what this server is for."""
        if not isinstance(sys.exc_info()[1], (OSError, http.client.HTTPException)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


def flipped(content: bytes) -> bytes:
    """Returns a content with one bit of its middle changed."""
    spoiled = bytearray(content)
    if spoiled:
        spoiled[len(spoiled) // 2] ^= 1
    return bytes(spoiled)


def flipped_upload(body: bytes) -> bytes:
    """Returns an upload with one bit of its content changed: of a multipart one, the last byte's."""
    end = body.rfind(b"\r\n--")
    return flipped(body) if end < 0 else body[: end - 1] + bytes([body[end - 1] ^ 1]) + body[end:]


def wait_until(condition, seconds: float = 10.0) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
