"""A client's connection: uvicorn's, with limits on what comes before a request's body.

Uvicorn waits for the end of a request's head for ever, and takes as much of it as is sent. It drops the body
of a request that offers to upgrade to HTTP/2, as Java's HttpClient does with its first one by default.

All that we use of uvicorn beyond what it publishes is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httptools
import uvicorn
from pydantic_core import to_json
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trimtab.deploy.serving.at_once import AtOnce
from trimtab.deploy.serving.crowd import Crowd
from trimtab.deploy.serving.door import keep_out

HEAD_BYTES, HEAD_S = 64 * 2**10, 30.0
_LAST_TURNS, _TURN_S = 10, 0.05
"""How long those may ask that came last: turns of the event loop, which takes in all that wait in each."""
_OFFER = (b"upgrade", b"connection", b"http2-settings")


def is_whole(scope: Scope) -> bool:
    """Returns whether all of a request's body is there, so that reading it waits for nothing.

    It is asked once: what tells it is taken out of the scope, which it knows in turn. Left there, a request
    waits for the garbage collector, at nearly a tenth of the CPU time of a small model's answer.
    """
    return not scope.pop("cycle").more_body


class _Answers:
    """A transport that sends an answer at once; uvicorn writes its head and its body in a call each."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keeps a part of an answer; what only says that a body may come cannot wait for it."""
        if data.startswith(b"HTTP/1.1 100 "):
            self._transport.write(data)
        else:
            self._parts.append(data)

    def flush(self) -> None:
        """Sends what was kept."""
        if self._parts:
            self._transport.writelines(self._parts)
            self._parts = []

    def close(self) -> None:
        """Sends what was kept, and closes."""
        if not self._transport.is_closing():
            self.flush()
            self._transport.close()

    def is_closing(self) -> bool:
        """Returns whether it is closed, or about to be."""
        return self._transport.is_closing()

    def has_more(self) -> bool:
        """Returns whether there is something that nobody has read: closed now, it would be a reset."""
        look = select.poll()
        look.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(look.poll(0))


class Server(uvicorn.Server):
    """Uvicorn, whose signals we handle: its own handlers would end the process by SIGTERM, not with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends when all that have come are answered; no connection is reset."""
        for listener in sockets or ():
            keep_out(listener)
        for _ in range(_LAST_TURNS):
            await asyncio.sleep(_TURN_S)
        await super().shutdown(sockets)


class Connection(HttpToolsProtocol):
    """Reads requests, and closes what sends none.

    A head may be ``HEAD_BYTES`` long beside the packet that it begins in, and take ``HEAD_S`` seconds. An
    offer to speak another protocol is not taken up: the request is answered as if it were not there.

    Args:
        crowd: All connections of the process.
        at_once: Answers what it can before uvicorn makes a task of it.
        options: What uvicorn gives a connection.
    """

    def __init__(self, *, crowd: Crowd, at_once: AtOnce, **options: Any) -> None:
        super().__init__(**options)
        self._crowd, self._at_once = crowd, at_once
        self._held: bytes | None = None
        self._turns = 0
        self._in_head, self._head_bytes = False, 0
        self._head_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins; a client that says nothing at all is as idle as one that has nothing more to say."""
        super().connection_made(transport)
        self._answers = self.transport = _Answers(transport)  # type: ignore[assignment]
        self._crowd.join(self)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._crowd.part(self)
        self._stop_waiting()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what the client has sent."""
        was_in_head = self._in_head
        self._turns = 1  # others wait as long as it answers what came with this
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._answer_as_it_is(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, "expected a request of HTTP/1.1, with one Host")
        if self._held is not None:
            self._let_go()
        if self._in_head:
            self._limit_head(len(data) if was_in_head else 0)
        elif was_in_head:
            self._stop_waiting()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole; one with an offer is about to be read again without it."""
        self._in_head = False
        if not self.parser.should_upgrade():
            hosts = [name for name, _ in self.headers].count(b"host")
            if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
                raise httptools.HttpParserError("expected one Host")  # RFC 9112, 3.2
            self._crowd.busy(self)
            if self._may_answer():
                self._held = b""
            else:
                self._begin()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if self._held is None:
            super().on_body(body)
        else:
            self._held += body

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self.parser.should_upgrade():
            return
        if self._held is not None:
            if found := self._at_once.answer(self.headers, self._held):
                self._held, self._turns = None, 0
                self._reply(*found)
                return
            self._let_go()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is whole."""
        self._answers.flush()
        if not self.pipeline and not self.transport.is_closing():
            self._crowd.idle(self)
        super().on_response_complete()

    def shutdown(self) -> None:
        """Closes a connection that asks for nothing, at the end; others are closed by their answer."""
        if not self._in_head and not self.transport.is_closing() and not self._answers.has_more():
            super().shutdown()

    def leave(self) -> None:
        """Closes a connection that asks for nothing."""
        self.transport.close()

    def _may_answer(self) -> bool:
        """Returns whether a request may be answered here; those before it come first."""
        return (
            self._turns > 0
            and (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self._at_once.takes(self.parser.get_method(), self.url, self.headers)
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"
        )

    def _begin(self) -> None:
        """Makes a task of a request, as uvicorn does."""
        scope = self.scope
        super().on_headers_complete()
        scope["cycle"] = self.cycle  # type: ignore[typeddict-unknown-key]

    def _let_go(self) -> None:
        """Makes a task of a request that was held back, with what has come of its body."""
        body, self._held = self._held, None
        self._begin()
        if body:
            super().on_body(body)

    def _reply(self, content: bytes, headers: dict[str, str]) -> None:
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        lines += [f"{name.lower()}: {value}\r\n".encode("ascii") for name, value in headers.items()]
        length = b"content-length: %d\r\n\r\n" % len(content)
        self.transport.write(b"".join([b"HTTP/1.1 200 OK\r\n", *lines, length, content]))
        self.on_response_complete()

    def _limit_head(self, more_bytes: int) -> None:
        self._head_bytes += more_bytes
        if self._head_bytes > HEAD_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"expected a path and headers of at most {HEAD_BYTES} bytes",
            )
        elif self._head_ends is None:
            self._head_ends = self.loop.call_later(HEAD_S, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._head_ends is not None:
            self._head_ends.cancel()
            self._head_ends = None

    def _answer_as_it_is(self, rest: bytes) -> None:
        """Reads the head again without its offer, and then what followed it."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "this server is no proxy")
            return
        headers = [name + b": " + value for name, value in self.headers if name not in _OFFER]
        lines = [b"%b %b HTTP/1.1" % (method, self.url), *headers, b"", rest]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        content = to_json({"error": message})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        self._stop_waiting()
        self.transport.write(head.encode() + content)
        self.transport.close()
