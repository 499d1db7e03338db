"""The bodies of requests, up to a size, and as many at a time as there is memory for."""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import Executor

from starlette.requests import ClientDisconnect, Request

from trimtab.deploy.serving.arrivals import Arrivals
from trimtab.deploy.serving.connection import is_whole
from trimtab.deploy.serving.guard import Facts
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.refusal import Refusal, busy

_GZIP = 16 + zlib.MAX_WBITS


class Bodies:
    """Reads the bodies of requests.

    Args:
        arrivals: Those that are on their way.
        limits: How large one may be, alone and with those of other requests; what is more is not read.
        metrics: Knows the bytes of all requests.
        threads: Where they are unpacked.
    """

    def __init__(self, arrivals: Arrivals, limits: Limits, metrics: Metrics, threads: Executor) -> None:
        self._arrivals, self._limits, self._metrics = arrivals, limits, metrics
        self._threads = threads

    async def read(self, request: Request, headers: dict[bytes, bytes], facts: Facts) -> bytes:
        """Returns the whole body of a request.

        Args:
            request: The request.
            headers: Its headers, names in lower case.
            facts: Where its bytes are noted; the guard gives them back when it is answered.

        Raises:
            Refusal: If it is too large, or encoded, or if there is no room for it.
            ClientDisconnect: If the client leaves before it was sent.
        """
        encoding = headers.get(b"content-encoding", b"identity").lower()
        if encoding not in (b"identity", b"gzip"):
            name = encoding[:20].decode("latin-1")
            message = f"expected a body as it is or in gzip, found {name!r}"
            raise Refusal(415, message, {"Accept-Encoding": "gzip, identity"})
        if int(headers.get(b"content-length", 0)) > self._limits.body_bytes:
            raise self._too_large()
        if is_whole(request.scope):
            content = await self._all(request, facts)
        else:
            content = await self._arriving(request, facts)
        return content if encoding == b"identity" else await self._unpacked(content, facts)

    async def _arriving(self, request: Request, facts: Facts) -> bytes:
        self._begin(request, facts)
        try:
            content = await self._all(request, facts)
        finally:
            self._end(facts)
        # It was no request to work on until now.
        self._metrics.admit(self._limits.requests)
        return content

    async def _unpacked(self, content: bytes, facts: Facts) -> bytes:
        """Returns what is packed, which may be a thousand times as large."""
        most = self._limits.body_bytes
        loop = asyncio.get_running_loop()
        unpacked = await loop.run_in_executor(self._threads, _unpacked, content, most + 1)
        if len(unpacked) > most:
            raise self._too_large()
        facts.body_bytes += len(unpacked)
        self._metrics.pending_bytes += len(unpacked)
        return unpacked

    async def _all(self, request: Request, facts: Facts) -> bytes:
        chunks, more = [], True
        while more:
            chunk, more = await self._next(request, facts)
            chunks.append(chunk)
        return b"".join(chunks)

    async def _next(self, request: Request, facts: Facts) -> tuple[bytes, bool]:
        """Returns the next part of a body, and whether more follows."""
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = event.get("body", b"")
        facts.body_bytes += len(chunk)
        self._metrics.pending_bytes += len(chunk)
        if facts.arrival is not None:
            facts.arrival.received_bytes += len(chunk)
        if facts.body_bytes > self._limits.body_bytes:
            raise self._too_large()
        if self._metrics.pending_bytes > self._limits.pending_bytes and not self._arrivals.make_room(
            facts.arrival
        ):
            raise busy("the bodies of other requests take all memory there is for them")
        return chunk, event.get("more_body", False)

    def _begin(self, request: Request, facts: Facts) -> None:
        task = asyncio.current_task()
        assert task is not None
        client = request.scope["client"]
        facts.arrival = self._arrivals.begin(client[0] if client else "", task)
        self._metrics.arriving += 1

    def _end(self, facts: Facts) -> None:
        assert facts.arrival is not None
        self._arrivals.end(facts.arrival)
        self._metrics.arriving -= 1

    def _too_large(self) -> Refusal:
        return Refusal(413, f"expected a body of at most {self._limits.body_bytes} bytes")


def _unpacked(content: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(content, most)
    except zlib.error as error:
        raise Refusal(400, f"expected a body in gzip: {error}") from None
    if len(unpacked) < most and (not unpacker.eof or unpacker.unused_data):
        raise Refusal(400, "expected a body in gzip: it is cut, or more follows")
    return unpacked
