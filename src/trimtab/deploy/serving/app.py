"""The routes: the Open Inference Protocol, predictions on raw inputs, and metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

import trimtab
from trimtab.data.dataset import model_input
from trimtab.deploy.answers import answers
from trimtab.deploy.serving import tensors
from trimtab.deploy.serving.following import Follower
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.log import JsonLog
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.model import ServedModel
from trimtab.deploy.serving.refusal import Refusal, busy
from trimtab.deploy.serving.rows import rows_of
from trimtab.errors import DataError

_QUIET = ("live", "ready", "metrics")
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Facts:
    """What the access log tells of a request beside its status."""

    version: int | None = None
    rows: int | None = None


Handler = Callable[[Request, Facts], Awaitable[Response]]


class Service:
    """Answers requests with the model that a follower found.

    Args:
        name: The model's name in paths.
        follower: Knows the model in service.
        limits: How much is taken on.
        metrics: Where requests are counted.
        log: Where they are told.

    Attributes:
        leaving: Whether the process is about to end; it is not ready then.
    """

    def __init__(self, name: str, follower: Follower, limits: Limits, metrics: Metrics, log: JsonLog) -> None:
        self._name, self._follower = name, follower
        self._limits, self._metrics, self._log = limits, metrics, log
        self.leaving = False

    def app(self) -> Starlette:
        """Returns the ASGI application."""
        model, predict = "/v2/models/{name}", "/v1/models/{name}:predict"
        routes = [
            self._route(f"{prefix}{path}", name, handler, methods)
            for prefix in (model, model + "/versions/{version}")
            for path, name, handler, methods in (
                ("/infer", "infer", self._infer, ["POST"]),
                ("/ready", "model_ready", self._model_ready, ["GET"]),
                ("", "model", self._model_metadata, ["GET"]),
            )
        ]
        routes += [
            self._route(predict, "predict", self._predict, ["POST"]),
            self._route("/v2/health/live", "live", self._live, ["GET"]),
            self._route("/v2/health/ready", "ready", self._ready, ["GET"]),
            self._route("/v2", "server", self._server_metadata, ["GET"]),
            self._route("/metrics", "metrics", self._show_metrics, ["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self._unrouted})

    def _route(self, path: str, name: str, handler: Handler, methods: list[str]) -> Route:
        async def endpoint(request: Request) -> Response:
            start, facts = time.perf_counter(), Facts()
            self._metrics.in_flight.inc()
            try:
                response = await self._answered(handler, request, facts)
            finally:
                self._metrics.in_flight.dec()
            self._tell(name, request, response, facts, start)
            return response

        return Route(path, endpoint, methods=methods)

    async def _answered(self, handler: Handler, request: Request, facts: Facts) -> Response:
        """Returns a handler's response, or what became of the request instead."""
        try:
            async with asyncio.timeout(self._limits.request_s):
                response = await handler(request, facts)
        except Refusal as refusal:
            response = _json({"error": refusal.message}, refusal.status, refusal.headers)
        except DataError as error:
            response = _json({"error": error.describe()}, 400)
        except TimeoutError:
            response = _json({"error": f"it took longer than {self._limits.request_s:g} s"}, 504)
        except ClientDisconnect:
            response = Response(status_code=499)
        except asyncio.CancelledError:  # the time to finish what had begun is over
            response = _json({"error": "the server is going away"}, 503)
        except Exception as error:  # a client must never see a traceback
            self._log.failure(error)
            response = _json({"error": "the server failed; its log says where"}, 500)
        if self.leaving:
            response.headers["Connection"] = "close"
        return response

    def _tell(self, route: str, request: Request, response: Response, facts: Facts, start: float) -> None:
        seconds = time.perf_counter() - start
        self._metrics.answered(route, response.status_code, seconds)
        if route in _QUIET and response.status_code < 400:
            return
        self._log.event(
            "request",
            route=route,
            method=request.method,
            status=response.status_code,
            ms=round(seconds * 1000, 3),
            rows=facts.rows,
            version=facts.version,
        )

    async def _unrouted(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        message = "there is no such path" if status == 404 else "this path does not take this method"
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        response = _json({"error": message}, status, headers)
        self._tell("none", request, response, Facts(), time.perf_counter())
        return response

    def _model(self, request: Request) -> ServedModel:
        """Returns the model in service, which must be the one that the path names."""
        name, version = request.path_params["name"], request.path_params.get("version")
        if name != self._name:
            raise Refusal(404, f"there is no model {name[:100]!r}, but {self._name!r}")
        model = self._follower.current
        if model is None:
            raise busy("there is no model in service yet")
        if version is not None and version != str(model.version):
            raise Refusal(404, f"version {version[:20]!r} is not in service, but {str(model.version)!r} is")
        return model

    async def _body(self, request: Request) -> bytes:
        most = self._limits.body_bytes
        too_large = Refusal(413, f"expected a body of at most {most} bytes")
        if int(request.headers.get("content-length", 0)) > most:
            raise too_large
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise too_large
            chunks.append(chunk)
        return b"".join(chunks)

    async def _infer(self, request: Request, facts: Facts) -> Response:
        model = self._model(request)
        with model.in_use():
            facts.version = model.version
            body = await self._body(request)
            asked, rest = tensors.parse(body, request.headers.get(tensors.JSON_LENGTH))
            x = tensors.array_of(asked, model.schema, rest, self._limits.rows)
            facts.rows = len(x)
            outputs = await model.batcher.predict(x)
        content, headers = tensors.answer(asked, self._name, model.version, outputs)
        return Response(content, headers=headers)

    async def _predict(self, request: Request, facts: Facts) -> Response:
        model = self._model(request)
        with model.in_use():
            facts.version = model.version
            body = await self._body(request)
            batch = await rows_of(request.headers, body, model.schema, self._limits.rows)
            facts.rows = batch.num_rows
            stored = await asyncio.to_thread(model.preprocessor.transform, batch)
            outputs = await model.batcher.predict(model_input(model.schema, stored))
        found = list(answers(model.schema, outputs))
        return _json({"predictions": found, "model_name": self._name, "model_version": str(model.version)})

    async def _model_metadata(self, request: Request, facts: Facts) -> Response:
        model = self._model(request)
        facts.version = model.version
        return _json(tensors.metadata(model.schema, self._name, model.version))

    async def _model_ready(self, request: Request, facts: Facts) -> Response:
        facts.version = self._model(request).version
        return _json({"name": self._name, "ready": not self.leaving}, 503 if self.leaving else 200)

    async def _live(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002 - as all handlers
        return _json({"live": True})

    async def _ready(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        ready = self._follower.current is not None and not self.leaving
        return _json({"ready": ready}, 200 if ready else 503)

    async def _server_metadata(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        return _json(
            {"name": "trimtab", "version": trimtab.__version__, "extensions": ["binary_tensor_data"]}
        )

    async def _show_metrics(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        return Response(self._metrics.text(), headers={"Content-Type": _METRICS_TYPE})


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(content), status, headers, "application/json")
