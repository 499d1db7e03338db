"""The body of a request, up to a size."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from trimtab.deploy.serving.refusal import Refusal


async def body_of(request: Request, most_bytes: int) -> bytes:
    """Returns the whole body.

    Args:
        request: The request.
        most_bytes: Its largest size; what is larger is not read to its end.

    Raises:
        Refusal: If it is larger, with status 413.
        ClientDisconnect: If the client leaves before it was sent.
    """
    if int(request.headers.get("content-length", 0)) > most_bytes:
        raise _too_large(most_bytes)
    chunks, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        chunks.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
    return b"".join(chunks)


def _too_large(most_bytes: int) -> Refusal:
    return Refusal(413, f"expected a body of at most {most_bytes} bytes")
