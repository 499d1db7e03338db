"""What the server takes and answers, as OpenAPI describes it: https://spec.openapis.org/oas/v3.1.0."""

from __future__ import annotations

from typing import Any

import trimtab
from trimtab.deploy.serving.rows import Instances
from trimtab.deploy.serving.tensors import InferRequest

_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def description(model: str) -> dict[str, Any]:
    """Returns the description of a server.

    Args:
        model: The name of its model in paths.
    """
    v2 = f"/v2/models/{model}"
    paths = {
        f"/v1/models/{model}:predict": {
            "post": _post("Predictions for raw rows", Instances.model_json_schema())
        },
        f"{v2}/infer": {"post": _post("Inference on tensors", _inlined(InferRequest.model_json_schema()))},
        v2: {"get": _get("The tensors of the model")},
        f"{v2}/ready": {"get": _get("Whether the model is in service")},
        "/v2": {"get": _get("The server")},
        "/v2/models": {"get": _get("The names of models in service")},
        "/v2/health/live": {"get": _get("Whether the process answers")},
        "/v2/health/ready": {"get": _get("Whether a model is in service")},
        "/metrics": {"get": _get("Metrics in Prometheus' text format", "text/plain")},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"trimtab: {model}", "version": trimtab.__version__},
        "paths": paths,
    }


def _get(summary: str, kind: str = "application/json") -> dict[str, Any]:
    return {"summary": summary, "responses": _responses(kind)}


def _post(summary: str, body: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": body}, "application/octet-stream": {}}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": _responses("application/json"),
    }


def _responses(kind: str) -> dict[str, Any]:
    error = {"description": "What was expected", "content": {"application/json": {"schema": _ERROR}}}
    return {"200": {"description": "The answer", "content": {kind: {}}}, "default": error}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema without references, which would have to be to places in the whole description."""
    parts = schema.pop("$defs")

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(item) for item in value]
        if not isinstance(value, dict):
            return value
        if reference := value.get("$ref"):
            return inlined(parts[reference.rpartition("/")[2]])
        return {name: inlined(item) for name, item in value.items()}

    return dict(inlined(schema))
