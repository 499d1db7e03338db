"""What every request passes: errors become answers, time runs out, metrics and the log are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trimtab.deploy.serving.access import Token
from trimtab.deploy.serving.arrivals import Arrival, Arrivals
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.log import JsonLog, Line
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.refusal import Refusal
from trimtab.errors import DataError

_HEALTH = ("live", "ready")
_QUIET = (*_HEALTH, "metrics")
_WATCH_S = 0.5
_MOST_UNTOLD = 64


@dataclass(slots=True)
class Facts:
    """What is known of a request beside its status.

    Attributes:
        version: The version that answers.
        rows: Examples that were computed.
        body_bytes: What its body takes of the memory for bodies.
        arrival: How its body comes, if it does not come at once.
    """

    version: int | None = None
    rows: int = 0
    body_bytes: int = 0
    arrival: Arrival | None = None


Handler = Callable[[Request, Facts], Awaitable[Response]]


class Guard:
    """Stands around all handlers.

    Args:
        limits: How long a request may take, and how many there may be.
        arrivals: The bodies that are on their way.
        metrics: Where requests are counted.
        log: Where they are told.
        token: What they must have; None: nothing.

    Attributes:
        leaving: Whether the process is about to end: clients should take another connection then.
    """

    def __init__(
        self, limits: Limits, arrivals: Arrivals, metrics: Metrics, log: JsonLog, token: Token | None
    ) -> None:
        self._limits, self._arrivals, self._metrics, self._log = limits, arrivals, metrics, log
        self._token = token
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._untold: list[Line] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.leaving = False

    def endpoint(self, route: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Returns a handler's endpoint: it answers whatever happens.

        Args:
            route: Its name in metrics and log.
            handler: Answers, or raises.
        """

        async def endpoint(request: Request) -> Response:
            # Python 3.11 makes a system call to find the loop, wherever it is not told.
            self._loop = self._loop or asyncio.get_running_loop()
            start, facts, task = time.perf_counter(), Facts(), asyncio.current_task(self._loop)
            assert task is not None  # uvicorn makes one for each request
            self._begun[task] = start
            self._metrics.in_flight += 1
            response = await self._answer(route, handler, request, facts, start)
            self._metrics.in_flight -= 1
            self._metrics.pending_bytes -= facts.body_bytes
            del self._begun[task]
            if self.leaving:
                response.headers["Connection"] = "close"
            self._tell(route, request, response, facts, start)
            return response

        return endpoint

    def welcomes(self, headers: Iterable[tuple[bytes, bytes]], body_bytes: int) -> bool:
        """Returns whether nothing speaks against a request, so that it may be answered without an endpoint.

        Args:
            headers: Its headers, names in lower case.
            body_bytes: What its body takes.
        """
        metrics, limits = self._metrics, self._limits
        return (
            not self.leaving
            and metrics.in_flight - metrics.arriving < limits.requests
            and body_bytes <= min(limits.body_bytes, limits.pending_bytes - metrics.pending_bytes)
            and (self._token is None or _has(headers, self._token))
        )

    async def watch(self) -> None:
        """Ends requests that take too long: a look now and then costs less than a timer for each."""
        while True:
            await asyncio.sleep(_WATCH_S)
            oldest = time.perf_counter() - self._limits.request_s
            self._arrivals.cut_slow()
            for task in [task for task, start in self._begun.items() if start < oldest]:
                task.cancel()
            self.settle()

    def settle(self) -> None:
        """Tells metrics and log of the latest requests; together it takes a quarter of the time."""
        told, self._untold = self._untold, []
        for line in told:
            self._metrics.answered(line.route, line.status, line.seconds)
        shown = [line for line in told if line.route not in _QUIET or line.status >= 400]
        if shown:
            self._log.requests(shown)

    async def unrouted(self, request: Request, error: Exception) -> Response:
        """Returns the answer to a request that fits no route."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        message = "there is no such path" if status == 404 else "this path does not take this method"
        response = json_response({"error": message}, status, headers)
        self._tell("none", request, response, Facts(), time.perf_counter())
        return response

    async def _answer(
        self, route: str, handler: Handler, request: Request, facts: Facts, start: float
    ) -> Response:
        try:
            if self._token is not None and route not in _HEALTH:
                _allow(request, self._token)
            if route not in _QUIET:
                self._metrics.admit(self._limits.requests)
            return await handler(request, facts)
        except Refusal as refusal:
            return json_response({"error": refusal.message}, refusal.status, refusal.headers)
        except DataError as error:
            return json_response({"error": error.describe()}, 400)
        except ClientDisconnect:
            return Response(status_code=499)
        except asyncio.CancelledError:
            return self._cut(facts, time.perf_counter() - start)
        except Exception as error:  # a client must never see a traceback
            self._log.failure(error)
            return json_response({"error": "the server failed; its log says where"}, 500)

    def _cut(self, facts: Facts, seconds: float) -> Response:
        """Returns the answer to a request that ``watch``, others, or the end of the process has ended."""
        if facts.arrival is not None and facts.arrival.is_cut:
            error = "the body came too slowly, or too many of one client came at a time"
            return json_response({"error": error}, 408, {"Connection": "close"})
        if seconds >= self._limits.request_s:
            return json_response({"error": f"it took longer than {self._limits.request_s:g} s"}, 504)
        return json_response({"error": "the server is going away"}, 503)

    def _tell(self, route: str, request: Request, response: Response, facts: Facts, start: float) -> None:
        seconds, status = time.perf_counter() - start, response.status_code
        self.tell(Line(time.time(), route, request.method, status, seconds, facts.rows, facts.version))

    def tell(self, line: Line) -> None:
        """Keeps what metrics and log are to be told of a request.

        Args:
            line: What it was.
        """
        self._untold.append(line)
        if len(self._untold) >= _MOST_UNTOLD:
            self.settle()


def _has(headers: Iterable[tuple[bytes, bytes]], token: Token) -> bool:
    return token.is_in(next((value for name, value in headers if name == b"authorization"), None))


def _allow(request: Request, token: Token) -> None:
    if not _has(request.scope["headers"], token):
        raise Refusal(401, "expected Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})


def json_response(
    content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Returns a response with a JSON object."""
    return Response(to_json(content), status, headers, "application/json")
