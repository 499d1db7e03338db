"""The bodies of requests, up to a size, and as many at a time as there is memory for."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from trimtab.deploy.serving.arrivals import Arrivals
from trimtab.deploy.serving.connection import is_whole
from trimtab.deploy.serving.guard import Facts
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.refusal import Refusal, busy


class Bodies:
    """Reads the bodies of requests.

    Args:
        arrivals: Those that are on their way.
        limits: How large one may be, alone and with those of other requests; what is more is not read.
        metrics: Knows the bytes of all requests.
    """

    def __init__(self, arrivals: Arrivals, limits: Limits, metrics: Metrics) -> None:
        self._arrivals, self._limits, self._metrics = arrivals, limits, metrics

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
        encoding = headers.get(b"content-encoding", b"identity")
        if encoding != b"identity":
            found = encoding[:20].decode("latin-1")
            message = f"expected a body without Content-Encoding, found {found!r}"
            raise Refusal(415, message, {"Accept-Encoding": "identity"})
        if int(headers.get(b"content-length", 0)) > self._limits.body_bytes:
            raise self._too_large()
        if is_whole(request.scope):
            return await self._all(request, facts)
        self._begin(request, facts)
        try:
            content = await self._all(request, facts)
        finally:
            self._end(facts)
        # It was no request to work on until now.
        self._metrics.admit(self._limits.requests)
        return content

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
