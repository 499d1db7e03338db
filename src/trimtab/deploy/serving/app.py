"""The routes: the Open Inference Protocol, predictions on raw inputs, and metrics."""

from __future__ import annotations

import dataclasses
import json

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import trimtab
from trimtab.batch import INPUT, Batch, answered, fed, joined, rows, take
from trimtab.data.dataset.dataset import model_inputs
from trimtab.deploy.answers import NO_NUMBER, answers, row_without_number
from trimtab.deploy.serving import openapi, tensors
from trimtab.deploy.serving.body import Bodies
from trimtab.deploy.serving.encoding import Encoding
from trimtab.deploy.serving.following import Follower
from trimtab.deploy.serving.guard import Facts, Guard, Handler, json_response
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.model import ServedModel
from trimtab.deploy.serving.refusal import Refusal, busy
from trimtab.deploy.serving.rows import rows_of
from trimtab.deploy.serving.siblings import Siblings

_UNREAD = "Trimtab-Unread"
"""The header of an answer that says, as JSON, which values of the rows could not be read."""
_MOST_UNREAD = 10
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Service:
    """Answers requests with the model that a follower found.

    Args:
        name: The model's name in paths.
        follower: Knows the model in service.
        guard: What requests pass before and after.
        bodies: Reads the bodies of requests.
        limits: How much is taken on.
        metrics: What is shown at ``/metrics``.
        encoding: Where raw rows are encoded.
    """

    def __init__(
        self,
        name: str,
        follower: Follower,
        guard: Guard,
        bodies: Bodies,
        limits: Limits,
        metrics: Metrics | Siblings,
        encoding: Encoding,
    ) -> None:
        self._name, self._follower, self._guard = name, follower, guard
        self._bodies, self._limits, self._metrics, self._encoding = bodies, limits, metrics, encoding

    def app(self) -> ASGIApp:
        """Returns the ASGI application.

        The path that nearly all requests ask for goes straight to its handler: Starlette's middleware and
        routes take as much CPU time as a small model, and the guard answers whatever happens by itself.
        """
        routed, infer = self._routed(), self._guard.endpoint("infer", self._infer)
        straight = "POST", f"/v2/models/{self._name}/infer"

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if (scope["method"], scope["path"]) != straight:
                return await routed(scope, receive, send)
            scope["path_params"] = {"name": self._name}
            response = await infer(Request(scope, receive))
            return await response(scope, receive, send)

        return app

    def _routed(self) -> Starlette:
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
            self._route("/v2/models", "models", self._models, ["GET"]),
            self._route("/openapi.json", "openapi", self._openapi, ["GET"]),
            *(self._route(path, "server", self._server_metadata, ["GET"]) for path in ("/v2", "/v2/")),
            self._route("/metrics", "metrics", self._show_metrics, ["GET"]),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: self._guard.unrouted})
        app.router.redirect_slashes = False  # it would send clients of a proxy with TLS to http://
        return app

    def _route(self, path: str, name: str, handler: Handler, methods: list[str]) -> Route:
        return Route(path, self._guard.endpoint(name, handler), methods=methods)

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

    async def _infer(self, request: Request, facts: Facts) -> Response:
        model = self._model(request)
        with model:
            facts.version, headers = model.version, dict(request.scope["headers"])
            body = await self._bodies.read(request, headers, facts)
            asked, x = model.examples(body, headers.get(tensors.JSON_LENGTH_FIELD))
            facts.rows = rows(x)
            outputs = await _computed(model, x, self._limits.part_rows)
        content, headers = tensors.answer(asked, self._name, model.version, outputs)
        return Response(content, headers=headers)

    async def _predict(self, request: Request, facts: Facts) -> Response:
        model = self._model(request)
        with model:
            facts.version, headers = model.version, dict(request.scope["headers"])
            body = await self._bodies.read(request, headers, facts)
            batch = await rows_of(request.headers, body, model.schema, self._limits.rows)
            facts.rows = batch.num_rows
            stored = await self._encoding.encoded(batch, model.schema, model.preprocessor)
            x = model_inputs(model.schema, {INPUT: stored.x})
            outputs = await _computed(model, x, self._limits.part_rows)
        together = answered(outputs, model.schema.output_names)
        predictions = list(answers(model.schema, fed(x), together))
        response = json_response(
            {"predictions": predictions, "model_name": self._name, "model_version": str(model.version)}
        )
        if stored.unread:
            cells = [dataclasses.asdict(cells) for cells in stored.unread[:_MOST_UNREAD]]
            response.headers[_UNREAD] = json.dumps(cells)
        return response

    async def _model_metadata(self, request: Request, facts: Facts) -> Response:
        model = self._model(request)
        facts.version = model.version
        return json_response(tensors.metadata(model.schema, self._name, model.version, model.platform))

    async def _model_ready(self, request: Request, facts: Facts) -> Response:
        facts.version = self._model(request).version
        return json_response(
            {"name": self._name, "ready": not self._guard.leaving}, 503 if self._guard.leaving else 200
        )

    async def _live(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002 - as all handlers
        return json_response({"live": True})

    async def _ready(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        ready = self._follower.current is not None and not self._guard.leaving
        return json_response({"ready": ready}, 200 if ready else 503)

    async def _server_metadata(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        return json_response(
            {"name": "trimtab", "version": trimtab.__version__, "extensions": ["binary_tensor_data"]}
        )

    async def _models(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        return json_response({"models": [self._name] if self._follower.current else []})

    async def _openapi(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        return json_response(openapi.description(self._name))

    async def _show_metrics(self, request: Request, facts: Facts) -> Response:  # noqa: ARG002
        self._guard.settle()
        return Response(await self._metrics.text(), headers={"Content-Type": _METRICS_TYPE})


async def _computed(model: ServedModel, x: Batch, part_rows: int) -> Batch:
    """Returns a model's outputs, which must be numbers: JSON has nothing else.

    Args:
        model: The model.
        x: Model-ready examples.
        part_rows: How many of them are computed at a time: others take turns.
    """
    count = rows(x)
    if count <= part_rows:
        outputs = await model.batcher.predict(x)
    else:
        starts = range(0, count, part_rows)
        outputs = joined([await model.batcher.predict(take(x, at, at + part_rows)) for at in starts])
    row = row_without_number(answered(outputs, list(outputs)))
    if row is not None:
        raise Refusal(400, f"row {row + 1}: {NO_NUMBER}")
    return outputs
