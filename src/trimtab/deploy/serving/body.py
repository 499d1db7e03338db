"""The body of a request, up to a size."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from trimtab.deploy.serving.guard import Facts
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.refusal import Refusal, busy


async def body_of(
    request: Request, headers: dict[bytes, bytes], facts: Facts, limits: Limits, metrics: Metrics
) -> bytes:
    """Returns the whole body.

    Args:
        request: The request.
        headers: Its headers, names in lower case.
        facts: Where its bytes are noted; the guard gives them back when it is answered.
        limits: How large it may be, alone and with those of other requests; what is more is not read.
        metrics: Knows the bytes of all requests.

    Raises:
        Refusal: If it is too large, or encoded.
        ClientDisconnect: If the client leaves before it was sent.
    """
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding != b"identity":
        found = encoding[:20].decode("latin-1")
        message = f"expected a body without Content-Encoding, found {found!r}"
        raise Refusal(415, message, {"Accept-Encoding": "identity"})
    if int(headers.get(b"content-length", 0)) > limits.body_bytes:
        raise _too_large(limits)
    chunks, more = [], True
    while more:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = event.get("body", b""), event.get("more_body", False)
        chunks.append(chunk)
        facts.body_bytes += len(chunk)
        metrics.pending_bytes += len(chunk)
        if facts.body_bytes > limits.body_bytes:
            raise _too_large(limits)
        if metrics.pending_bytes > limits.pending_bytes:
            raise busy("the bodies of other requests take all memory there is for them")
    return b"".join(chunks)


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"expected a body of at most {limits.body_bytes} bytes")
